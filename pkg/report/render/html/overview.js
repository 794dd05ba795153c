// The whole incident: when journeys began and how they ended, what each file
// covers, and a stretch of it to look at.

var stretch = { from: 0, to: 1 };

function wholeStretch() {
  var from = Infinity, to = -Infinity;
  journeys.forEach(function (j) { from = Math.min(from, j.t); to = Math.max(to, j.t + lengthOf(j)); });
  if (from > to) { from = 0; to = 1; }
  var room = Math.max(1000, (to - from) * 0.01);
  return [from - room, to + room];
}

// zoomTo shows a stretch, and in the table its journeys; null: all.
function zoomTo(from, to) {
  var all = wholeStretch();
  if (from === null || to - from >= all[1] - all[0]) {
    view.from = view.to = null;
    stretch = { from: all[0], to: all[1] };
  } else {
    to = Math.max(to, from + 1000);
    view.from = from;
    view.to = to;
    stretch = { from: from, to: to };
  }
  drawOverview();
  refresh();
}

// kindOf a journey in the histogram.
function kindOf(i) {
  if (data.outcomes[journeys[i].o].bad) return 2;
  return findingsOf[i].some(function (f) { return f.v === "error" || f.v === "warning"; }) ? 1 : 0;
}

function drawOverview() {
  var box = byId("overview-chart");
  if (!byId("overview").open) return;
  var width = widthOf(box, 320), left = width < 620 ? 90 : 170, right = width - 12, tall = 92, files = data.files.map(function (f, i) { return i; }).filter(function (i) { return data.files[i].a !== undefined && data.files[i].z >= stretch.from && data.files[i].a <= stretch.to; });
  var x = function (t) { return left + (t - stretch.from) / (stretch.to - stretch.from) * (right - left); };
  var bins = Math.max(10, Math.floor((right - left) / 5)), counts = [], most = 1, g = [], classes = ["f-good", "f-slow", "f-bad"];
  for (var b = 0; b < bins; b++) counts.push([0, 0, 0]);
  journeys.forEach(function (j, i) {
    var b = Math.floor((j.t - stretch.from) / (stretch.to - stretch.from) * bins);
    if (b >= 0 && b < bins) counts[b][kindOf(i)]++;
  });
  counts.forEach(function (c) { most = Math.max(most, c[0] + c[1] + c[2]); });
  var resent = new Array(bins).fill(0), lane = tall + 28;
  journeys.forEach(function (j) {
    (j.r || []).forEach(function (t) {
      var b = Math.floor((j.t + t - stretch.from) / (stretch.to - stretch.from) * bins);
      if (b >= 0 && b < bins) resent[b]++;
    });
  });
  if (resent.some(Boolean)) {
    g.push(svg("text", { class: "end dim", x: left - 8, y: lane + 10 }, shorten(word("retransmission"), left < 120 ? 12 : 26)));
    resent.forEach(function (n, b) {
      if (n) g.push(svg("path", { class: "resent", d: "M" + (left + (b + 0.5) * (right - left) / bins) + " " + (lane + 2) + "l4 8h-8z" }, svg("title", {}, n + " × " + word("retransmission"))));
    });
    lane += 18;
  }
  var shownFiles = files.slice(0, 14), height = lane + shownFiles.length * 16 + 6;
  ticks(data.base + stretch.from, data.base + stretch.to, (right - left) / 130).forEach(function (absolute) {
    var t = absolute - data.base, at = x(t);
    g.push(svg("line", { class: "axis", x1: at, x2: at, y1: 4, y2: height - 4 }), svg("text", { class: "dim mid", x: at, y: tall + 18 }, clockOf(t).slice(0, stretch.to - stretch.from > 6e8 ? 8 : 12)));
  });
  g.push(svg("text", { class: "end dim", x: left - 8, y: 14 }, String(most)), svg("text", { class: "end dim", x: left - 8, y: tall }, "0"));
  counts.forEach(function (c, b) {
    var y = tall, wide = (right - left) / bins;
    c.forEach(function (n, k) {
      if (!n) return;
      var h = Math.max(1.5, n / most * (tall - 8));
      y -= h;
      g.push(svg("rect", { class: classes[k], x: left + b * wide, y: y, width: Math.max(1, wide - 0.6), height: h }));
    });
  });
  shownFiles.forEach(function (i, n) {
    var f = data.files[i], y = lane + n * 16, a = Math.max(left, x(f.a)), z = Math.min(right, x(f.z));
    g.push(svg("text", { class: "end dim", x: left - 8, y: y + 10 }, shorten(lastPart(fileName(i)), left < 120 ? 12 : 24)), svg("rect", { class: "f-file", x: a, y: y + 3, width: Math.max(2, z - a), height: 7, rx: 2 }, svg("title", {}, fileName(i) + " " + clockOf(f.a) + " – " + clockOf(f.z))));
  });
  data.clocks.forEach(function (k) { // steps that are seen at this scale
    (k.g || []).forEach(function (s, n) {
      var size = n ? Math.abs(s[2] - k.g[n - 1][5]) : 0;
      if (s[8] && s[0] > stretch.from && s[0] < stretch.to && size > (stretch.to - stretch.from) / 200) g.push(svg("line", { class: "arrow trouble", x1: x(s[0]), x2: x(s[0]), y1: 4, y2: height - 4 }, svg("title", {}, word("step") + " " + texts[k.n] + " " + signed(s[2]))));
    });
  });
  var chart = svg("svg", { width: width, height: height, role: "img", "aria-label": word("overview-state") + ": " + clockOf(stretch.from) + " – " + clockOf(stretch.to) }, g);
  place(box, chart);
  dragToZoom(chart, left, right, tall);
}

function dragToZoom(chart, left, right, tall) {
  var begin = null, mark = null, at = function (e) { return Math.max(left, Math.min(right, e.clientX - chart.getBoundingClientRect().left)); };
  var time = function (x) { return stretch.from + (x - left) / (right - left) * (stretch.to - stretch.from); };
  chart.addEventListener("pointerdown", function (e) {
    begin = at(e);
    mark = svg("rect", { class: "select", x: begin, y: 0, width: 0, height: tall });
    chart.append(mark);
    chart.setPointerCapture(e.pointerId);
  });
  chart.addEventListener("pointermove", function (e) {
    if (begin === null) return;
    mark.setAttribute("x", Math.min(begin, at(e)));
    mark.setAttribute("width", Math.abs(at(e) - begin));
  });
  chart.addEventListener("pointerup", function (e) {
    if (begin === null) return;
    var a = begin, b = at(e);
    begin = null;
    mark.remove();
    if (Math.abs(a - b) > 4) zoomTo(time(Math.min(a, b)), time(Math.max(a, b)));
  });
}

function buildZoom() {
  var button = function (key, act) { return html("button", { type: "button", id: key, onclick: act }, word(key)); };
  var scaled = function (by) { return function () { var mid = (stretch.from + stretch.to) / 2, half = (stretch.to - stretch.from) / 2 * by; zoomTo(mid - half, mid + half); }; };
  var moved = function (by) { return function () { if (view.from === null) return; var d = (stretch.to - stretch.from) * by; zoomTo(stretch.from + d, stretch.to + d); }; };
  var swatch = function (c, key) { return html("span", {}, svg("svg", { class: "swatch", viewBox: "0 0 10 10", "aria-hidden": "true" }, svg("rect", { class: c, width: 10, height: 10 })), word(key)); };
  byId("zoom-bar").append(button("zoom-in", scaled(0.5)), button("zoom-out", scaled(2)), button("earlier", moved(-0.5)), button("later", moved(0.5)), button("whole", function () { zoomTo(null, null); }),
    swatch("f-good", "good"), swatch("f-slow", "slow"), swatch("f-bad", "bad"), html("span", {}, word("zoom-hint")));
}
