// The chosen journey, in full.

function stepsTable(j) {
  var all = rungs(j), rows = all.slice(0, 300).map(function (r) {
    var m = r.packet, q = r.line;
    if (m) {
      var others = (m.x || []).map(function (s) { return html("span", { class: "dim" }, lastPart(fileName(s[0])) + " #" + s[1] + " " + clockOf(j.t + s[2] + s[3])); });
      return html("tr", { class: data.moments[m.k].bad ? "bad" : null },
        html("td", { class: "time" }, clockOf(j.t + m.t)), html("td", { class: "time dim" }, m.r ? clockOf(j.t + m.t + m.r) : ""),
        html("td", {}, html("b", {}, data.moments[m.k].w), " ", html("span", { class: "detail" }, m.d ? texts[m.d] : "")),
        html("td", { class: "place", title: fileName(m.e) }, lastPart(fileName(m.e)) + (m.n ? " #" + m.n : ""), others));
    }
    var bound = q.a === undefined ? null : html("span", { class: "dim" }, "± " + span((q.z - q.a) / 2));
    return html("tr", { class: "line" }, html("td", { class: "time" }, clockOf(j.t + r.at), bound), html("td", { class: "time dim" }, q.r ? clockOf(j.t + q.t + q.r) : ""),
      html("td", {}, html("b", {}, word("log-line")), " ", html("span", { class: "detail" }, q.x)), html("td", { class: "place", title: fileName(q.e) }, lastPart(fileName(q.e)) + ":" + q.n));
  });
  if (all.length > 300) rows.push(html("tr", {}, html("td", { colspan: 4, class: "dim" }, "… +" + (all.length - 300))));
  return html("table", { class: "steps" }, html("thead", {}, html("tr", {}, ["time", "as-written", "what", "place"].map(function (k) { return html("th", { scope: "col" }, word(k)); }))), html("tbody", {}, rows));
}

// untimed lists the lines that carry no time, or are one of several candidates.
function otherLines(j) {
  return (j.q || []).filter(function (q) { return !q.m || q.t === undefined; }).map(function (q) {
    return html("li", {}, html("span", { class: "place" }, fileName(q.e) + ":" + q.n + " · " + (q.p / 100).toFixed(2) + (q.b ? " · " + texts[q.b] : "")), html("code", { class: "text" }, q.x));
  });
}

function legendOf(j) {
  var total = Math.max(1, (j.b || []).reduce(function (a, b) { return a + b[1]; }, 0));
  return html("ul", { class: "legend" }, (j.b || []).map(function (b) {
    return html("li", {}, svg("svg", { class: "swatch", viewBox: "0 0 10 10", "aria-hidden": "true" }, svg("rect", { class: data.causes[b[0]].c, width: 10, height: 10 })),
      data.causes[b[0]].w + " ", html("b", {}, span(b[1])), " ", html("span", { class: "dim" }, (100 * b[1] / total).toFixed(1) + " %"));
  }));
}

// showJourney fills the box below the table with one journey.
function showJourney(i, focus) {
  var j = journeys[i], box = byId("chosen"), fall = html("div", { class: "chart" }), ladder = html("div", { class: "chart" });
  var title = html("h3", { id: "chosen-h", tabindex: "-1" }, texts[j.i] + ": " + nameOf(j));
  var sub = [texts[j.c] + " → " + texts[j.d], lengthOrDash(j), data.outcomes[j.o].w, j.h ? "HTTP " + j.h : ""].filter(Boolean).join(" · ");
  var named = findingsOf[i].length ? html("p", {}, word("findings-of") + ": ", findingsOf[i].map(function (f) { return [html("a", { class: "id", href: "#f:" + texts[f.i] }, texts[f.i]), " " + texts[f.r] + "  "]; }).flat()) : null;
  var others = otherLines(j), steps = (j.m || j.q) ? html("div", { class: "scroll wide", tabindex: "0", role: "group", "aria-label": word("timeline") }, stepsTable(j)) : html("p", { class: "hint wide" }, word("no-details"));
  box.replaceChildren(
    html("div", { class: "head" }, title, html("p", { class: "sub" }, sub), html("button", { type: "button", class: "close", onclick: closeJourney }, word("close"))),
    named || "", legendOf(j), j.v ? html("p", { class: "daemon" }, j.v) : "",
    html("div", { class: "pair" }, html("div", {}, html("h4", {}, word("waterfall")), fall), html("div", {}, html("h4", {}, word("ladder")), ladder), steps),
    others.length ? html("ul", { class: "proofs" }, others) : "");
  box.hidden = false;
  chosen = i;
  drawChosen = function () { drawWaterfall(fall, j); drawLadder(ladder, j); };
  drawChosen();
  paintGrid();
  if (focus) { title.focus(); title.scrollIntoView({ block: "nearest" }); }
}

var chosen = -1, drawChosen = function () {};

function closeJourney() {
  byId("chosen").hidden = true;
  chosen = -1;
  drawChosen = function () {};
  paintGrid();
  focusRow();
}
