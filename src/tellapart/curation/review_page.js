const items = Array.from(document.querySelectorAll('.item'));
const aside = item => item.querySelector('input[value="false"]').checked;
const label = item => { const field = item.querySelector('.label'); return field ? field.value.trim() : ''; };
const relabelled = item => label(item) !== '' && label(item) !== item.dataset.label;
const changed = item => !aside(item) || relabelled(item);
const line = item => [item.dataset.file, aside(item) ? 'false' : 'true', relabelled(item) ? label(item) : '']
  .map(quoted).join(',');
let saved = '';
function csv() { return ['file,keep,label', ...items.filter(changed).map(line)].join('\r\n') + '\r\n'; }
function counted() {
  const number = items.filter(changed).length;
  items.forEach(item => item.classList.toggle('changed', changed(item)));
  document.getElementById('count').textContent = number === 1 ? '1 image changed' : number + ' images changed';
  document.getElementById('save').disabled = number === 0;
}
document.addEventListener('input', event => {
  const item = event.target.closest('.item');
  if (item && event.target.matches('.label') && relabelled(item)) {
    item.querySelector('input[value="true"]').checked = true;
  }
  counted();
});
document.addEventListener('click', event => {
  const all = event.target.closest('[data-all]');
  if (!all) return;
  const chosen = 'input[value="' + all.dataset.all + '"]';
  all.closest('section').querySelectorAll(chosen).forEach(one => { one.checked = true; });
  counted();
});
document.getElementById('save').addEventListener('click', () => {
  saved = csv();
  saveCsv(saved, 'corrections.csv');
});
window.addEventListener('beforeunload', event => {
  if (items.some(changed) && csv() !== saved) event.preventDefault();
});
window.addEventListener('pageshow', counted);
counted();
