(function () {
  var tip = document.getElementById('tip');
  function crateOf(node) { return node.closest && node.closest('[data-k]'); }
  document.addEventListener('mousemove', function (e) {
    var at = e.target.closest && e.target.closest('[data-t]');
    if (!at) { tip.style.display = 'none'; return; }
    tip.textContent = at.getAttribute('data-t');
    tip.style.display = 'block';
    var x = Math.min(e.clientX + 14, window.innerWidth - tip.offsetWidth - 8);
    var y = e.clientY + 18;
    if (y + tip.offsetHeight > window.innerHeight) { y = e.clientY - tip.offsetHeight - 10; }
    tip.style.left = x + 'px';
    tip.style.top = y + 'px';
  });
  // Pointing at a crate in a legend shows where it is.
  document.querySelectorAll('.key').forEach(function (key) {
    var k = key.getAttribute('data-k');
    function mark(on) {
      document.querySelectorAll('.cell[data-k]').forEach(function (cell) {
        cell.classList.toggle('off', on && cell.getAttribute('data-k') !== k);
      });
    }
    key.addEventListener('mouseenter', function () { mark(true); });
    key.addEventListener('mouseleave', function () { mark(false); });
  });
  document.querySelectorAll('th[data-sort]').forEach(function (th) {
    th.addEventListener('click', function () {
      var table = th.closest('table');
      var column = Array.prototype.indexOf.call(th.parentNode.children, th);
      var up = th.getAttribute('data-sort') === 'down';
      table.querySelectorAll('th[data-sort]').forEach(function (t) { t.setAttribute('data-sort', ''); });
      th.setAttribute('data-sort', up ? 'up' : 'down');
      var rows = Array.prototype.slice.call(table.tBodies[0].rows);
      function value(row) {
        var cell = row.cells[column];
        var v = cell.getAttribute('data-v');
        return v === null ? cell.textContent : Number(v);
      }
      rows.sort(function (a, b) {
        var x = value(a), y = value(b);
        var order = x < y ? -1 : x > y ? 1 : 0;
        return up ? order : -order;
      });
      rows.forEach(function (row) { table.tBodies[0].appendChild(row); });
    });
  });
})();
