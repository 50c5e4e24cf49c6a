'use strict';
const quoted = text => '"' + text.replaceAll('"', '""') + '"';
// A download of the browser; nothing is sent anywhere.
function saveCsv(text, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type: 'text/csv;charset=utf-8'}));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
