const items = Array.from(document.querySelectorAll('.item'));
const heading = document.getElementById('save').dataset.columns.split(',');
const field = item => item.querySelector('input');
const label = item => field(item).value.trim();
const cell = (item, column) => column === 'label' ? label(item) : item.dataset[column];
const line = item => heading.map(column => quoted(cell(item, column))).join(',');
let saved = '';
function csv() { return [heading.join(','), ...items.map(line)].join('\r\n') + '\r\n'; }
function counted() {
  const number = items.filter(label).length;
  items.forEach(item => item.classList.toggle('changed', label(item) !== ''));
  document.getElementById('count').textContent = number + ' of ' + items.length + ' labelled';
  document.getElementById('save').disabled = number === 0;
}
document.addEventListener('input', counted);
document.addEventListener('click', event => {
  const accept = event.target.closest('.accept');
  if (!accept) return;
  const item = accept.closest('.item');
  field(item).value = item.dataset.predicted;
  counted();
});
document.addEventListener('keydown', event => {
  const item = event.target.closest('.item');
  if (event.key !== 'Enter' || !item || !event.target.matches('input')) return;
  const after = items[items.indexOf(item) + 1];
  if (after) field(after).focus();
});
document.getElementById('save').addEventListener('click', event => {
  saved = csv();
  saveCsv(saved, event.target.dataset.name);
});
window.addEventListener('beforeunload', event => {
  if (items.some(label) && csv() !== saved) event.preventDefault();
});
window.addEventListener('pageshow', counted);
counted();
