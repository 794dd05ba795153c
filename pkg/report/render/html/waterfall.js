// The waterfall of one journey: phases as bars, what was repeated or failed as
// marks, log lines with their uncertainty.

// reach of a waterfall: the journey itself and, within reason, its lines.
function reachOf(j) {
  var from = 0, to = Math.max(lengthOf(j), 1);
  j.p.forEach(function (p) { if (!p[4]) { from = Math.min(from, p[1]); to = Math.max(to, p[1] + Math.max(0, p[2])); } });
  var room = (to - from) * 0.25;
  (j.q || []).forEach(function (q) {
    if (q.t === undefined || !q.m) return;
    from = Math.max(-room, Math.min(from, q.t + (q.a || 0)));
    to = Math.min(lengthOf(j) + room, Math.max(to, q.t + (q.z || 0)));
  });
  return [from, Math.max(to, from + 1)];
}

// drawLine draws a log line at height y, with what its stamp may be off by.
function drawLine(q, x, left, right, y) {
  var g = [], low = x(q.t + (q.a || 0)), high = x(q.t + (q.z || 0));
  if (high < left || low > right) return g;
  var a = Math.max(left, low), b = Math.min(right, high);
  if (q.a !== undefined && b - a > 1) {
    g.push(svg("line", { class: "whisker", x1: a, x2: b, y1: y, y2: y }));
    if (low >= left) g.push(svg("line", { class: "whisker", x1: a, x2: a, y1: y - 3, y2: y + 3 }));
    if (high <= right) g.push(svg("line", { class: "whisker", x1: b, x2: b, y1: y - 3, y2: y + 3 }));
  }
  var at = x(q.t);
  if (at >= left && at <= right) g.push(svg("path", { class: "stamp", d: "M" + at + " " + (y - 4) + "l4 4l-4 4l-4 -4z" }));
  return g;
}

function drawTrouble(at, y) { return svg("path", { class: "resent", d: "M" + at + " " + (y - 5) + "l4 8h-8z" }); }

// lengthText of a phase is what stands behind its bar.
function lengthText(p) {
  var outcome = data.outcomes[p[3]];
  return (p[4] || p[2] < 0 ? [outcome.w] : [span(p[2])].concat(outcome.bad ? [outcome.w] : [])).join(", ");
}

// byFile gathers the matched lines that carry a time, a row for each file.
function byFile(j) {
  var files = new Map();
  (j.q || []).forEach(function (q) {
    if (!q.m || q.t === undefined) return;
    if (!files.has(q.e)) files.set(q.e, []);
    files.get(q.e).push(q);
  });
  return Array.from(files.values());
}

function drawWaterfall(box, j) {
  var width = widthOf(box, 320), narrow = width < 520, left = narrow ? 96 : 150, step = 24, reach = reachOf(j), g = [], y = 22;
  var right = width - 12 - 6.6 * Math.max.apply(null, j.p.map(function (p) { return lengthText(p).length; }).concat(6)), logs = byFile(j);
  var x = function (t) { return left + (t - reach[0]) / (reach[1] - reach[0]) * (right - left); };
  var height = 22 + (j.p.length + logs.length) * step + 6;
  if (reach[1] - reach[0] > 1) {
    ticks(reach[0], reach[1], (right - left) / 80).forEach(function (t) {
      g.push(svg("line", { class: "axis", x1: x(t), x2: x(t), y1: 16, y2: height }), svg("text", { class: "dim mid", x: x(t), y: 11 }, brief(t)));
    });
  }
  var troubles = (j.r || []).slice();
  j.p.forEach(function (p) {
    var name = data.phases[p[0]], outcome = data.outcomes[p[3]], mid = y + step / 2, a = p[4] ? left : x(p[1]), b = a, open = p[4] || p[2] < 0;
    g.push(svg("text", { class: "end", x: left - 10, y: mid + 4 }, shorten(name.w, narrow ? 14 : 22), svg("title", {}, name.n)));
    if (!open) {
      b = Math.max(a + 1.5, x(p[1] + p[2]));
      g.push(svg("rect", { class: name.c, x: a, y: y + 5, width: b - a, height: step - 10, rx: 2 }, svg("title", {}, name.w + " " + lengthText(p))));
      if (p[5] !== undefined) {
        var limit = x(p[1] + p[5]);
        g.push(svg("line", { class: "limit", x1: limit, x2: limit, y1: y + 2, y2: y + step - 2 }, svg("title", {}, word("normal", span(p[5])))));
      }
      troubles = troubles.filter(function (t) {
        if (t < p[1] - 1 || t > p[1] + p[2] + 1) return true;
        g.push(drawTrouble(x(t), mid));
        return false;
      });
    }
    g.push(svg("text", { class: outcome.c === "o-unseen" ? "dim" : outcome.bad ? "trouble" : "", x: b + 6, y: mid + 4 }, lengthText(p)));
    y += step;
  });
  troubles.forEach(function (t) { if (t >= reach[0] && t <= reach[1]) g.push(drawTrouble(x(t), 19)); });
  logs.forEach(function (lines) {
    var mid = y + step / 2, file = fileName(lines[0].e), which = lines.length > 1 ? " ×" + lines.length : ":" + lines[0].n;
    g.push(svg("text", { class: "end dim", x: left - 10, y: mid + 4 }, shorten(lastPart(file), (narrow ? 13 : 22) - which.length) + which, svg("title", {}, file)));
    g.push(svg("line", { class: "axis", x1: left, x2: right, y1: mid, y2: mid }));
    lines.forEach(function (q) { g.push(svg("g", {}, svg("title", {}, file + ":" + q.n + " " + clockOf(j.t + q.t) + " " + q.x), drawLine(q, x, left, right, mid))); });
    y += step;
  });
  var label = word("waterfall-of", texts[j.i]) + ": " + j.p.map(function (p) { return data.phases[p[0]].w + " " + lengthText(p); }).join(", ");
  place(box, svg("svg", { width: width, height: height, role: "img", "aria-label": label }, g));
}
