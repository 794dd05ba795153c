// The packet ladder of one journey: client, network, server, each packet with
// the stamp of the clock that saw it. Rows are in order of the reference clock;
// pauses are drawn as bands, because a ladder to scale hides what is short.

// onNetwork tells whether a packet goes to or comes from what stands between:
// a neighbour, a router, and a resolver unless it is itself the server.
function onNetwork(j, m) {
  return /^(arp|nd|icmp)\./.test(data.moments[m.k].c) || /^dns\./.test(data.moments[m.k].c) && texts[j.s] !== "dns";
}

// sightings of a packet by the side that took them: {client, middle, server},
// each [raw instant, instant], instants − the journey's start.
function sightings(m) {
  var out = {}, add = function (file, at, raw) {
    var side = file < 0 ? "" : data.files[file].v || "";
    if (!out[side || "middle"]) out[side || "middle"] = [at + raw, at, file];
  };
  add(m.e, m.t, m.r || 0);
  (m.x || []).forEach(function (s) { add(s[0], s[2], s[3]); });
  return out;
}

// rows of a ladder: packets and matched lines in order.
function rungs(j) {
  var out = (j.m || []).map(function (m) { return { at: m.t, packet: m }; });
  (j.q || []).forEach(function (q) {
    if (q.m && q.t !== undefined) out.push({ at: q.a === undefined ? q.t : q.t + (q.a + q.z) / 2, line: q });
  });
  return out.sort(function (a, b) { return a.at - b.at; });
}

// together joins lines that follow each other in one file with one stamp.
function together(all) {
  var out = [];
  all.forEach(function (r) {
    var last = out[out.length - 1];
    if (r.line && last && last.line && last.line.e === r.line.e && last.line.t === r.line.t && last.line.r === r.line.r) last.more = (last.more || 0) + 1;
    else out.push(r);
  });
  return out;
}

function arrow(x1, x2, y1, y2, bad, cut) {
  var end = cut ? x1 + (x2 - x1) * 0.55 : x2, low = cut ? y1 + (y2 - y1) * 0.55 : y2, way = x2 > x1 ? 1 : -1, g = [];
  g.push(svg("line", { class: "arrow" + (bad ? " trouble" : ""), x1: x1, y1: y1, x2: end - way * (cut ? 0 : 5), y2: low }));
  if (cut) g.push(svg("path", { class: "arrow trouble", d: "M" + (end - 4) + " " + (low - 4) + "l8 8m0 -8l-8 8" }));
  else g.push(svg("path", { class: "head" + (bad ? " trouble" : ""), d: "M" + end + " " + low + "l" + -way * 8 + " -4v8z" }));
  return g;
}

function drawLadder(box, j) {
  var width = widthOf(box, 430), edge = 94, places = { client: edge, network: width / 2, server: width - edge }, all = together(rungs(j)), total = Math.max(1, lengthOf(j));
  if (!all.length) { box.replaceChildren(); return; }
  var g = [], y = 64, before = null, both = (j.m || []).some(function (m) { return sightings(m).server && sightings(m).client; });
  all.slice(0, 300).forEach(function (r) {
    var pause = before === null ? 0 : r.at - before;
    if (pause > total * 0.12 && pause > 2000) {
      g.push(svg("rect", { class: "gap", x: edge, y: y - 8, width: width - 2 * edge, height: 26 }), svg("text", { class: "mid dim", x: width / 2, y: y + 9 }, word("pause") + " " + span(pause)));
      y += 36;
    }
    before = r.at;
    g.push(r.packet ? drawRung(j, r.packet, places, y, both) : drawLogRung(j, r, places, y));
    y += 27;
  });
  if (all.length > 300) { g.push(svg("text", { class: "mid dim", x: width / 2, y: y }, "… +" + (all.length - 300))); y += 20; }
  var lanes = ["client", "network", "server"].map(function (lane) {
    return [svg("line", { class: "life" + (lane === "network" ? " net" : ""), x1: places[lane], x2: places[lane], y1: 48, y2: y }),
      svg("text", { class: "mid", x: places[lane], y: 14 }, word(lane)), svg("text", { class: "mid dim", x: places[lane], y: 28 }, shorten(lastPart(fileName(laneFile(j, lane))), 24)),
      svg("text", { class: "mid dim", x: places[lane], y: 42 }, offsetOf(laneFile(j, lane), j.t))];
  });
  place(box, svg("svg", { width: width, height: y + 8, role: "img", "aria-label": word("ladder-of", texts[j.i]) }, lanes, g));
}

// laneFile is the capture whose clock stands beside a lane; -1: none does.
function laneFile(j, lane) {
  var found = -1;
  (j.m || []).some(function (m) {
    if (lane === "server" && onNetwork(j, m)) return false;
    var s = sightings(m)[lane === "network" ? "middle" : lane];
    if (s) found = s[2];
    return s;
  });
  return found;
}

// offsetOf tells how far a file's clock is ahead at an instant, and how surely.
function offsetOf(file, at) {
  var k = file < 0 || data.files[file].k < 0 ? null : data.clocks[data.files[file].k];
  if (!k) return "";
  if (k.s === "reference") return word("reference");
  if (!k.g || !k.g.length) return word("unknown-clock");
  var s = k.g[0];
  k.g.forEach(function (next) { if (next[0] <= at) s = next; });
  var part = Math.max(0, Math.min(1, (at - s[0]) / Math.max(1, s[1] - s[0]))), between = function (a, b) { return a + (b - a) * part; };
  return signed(between(s[2], s[5])) + " ± " + span((between(s[4], s[7]) - between(s[3], s[6])) / 2);
}

function drawRung(j, m, places, y, both) {
  var kind = data.moments[m.k], seen = sightings(m), g = [], drop = 0;
  var from = m.f === "client" || m.f === "other" ? "client" : m.f !== "server" && onNetwork(j, m) ? "network" : "server";
  var name = kind.w, to = from === "client" ? "server" : "client", detail = m.d ? texts[m.d] : "";
  if (from === "client" && onNetwork(j, m)) to = "network";
  var cut = both && /^tcp\.syn/.test(kind.c) && !(m.x || []).some(function (s) { return data.files[s[0]] && data.files[s[0]].v === to; }) && !seen[to];
  if (seen.client && seen.server) drop = 5;
  g.push(arrow(places[from], places[to], y, y + drop, kind.bad, cut));
  g.push(svg("text", { class: "mid halo" + (kind.bad ? " trouble" : ""), x: (places[from] + places[to]) / 2, y: y - 4 }, shorten(name, 30)));
  if (seen.client) g.push(svg("text", { class: "end dim", x: places.client - 8, y: y + 4 }, clockOf(j.t + seen.client[0])));
  if (seen.server) g.push(svg("text", { class: "dim halo", x: (onNetwork(j, m) ? places.network : places.server) + 8, y: y + 4 }, clockOf(j.t + seen.server[0])));
  if (seen.middle && !seen.client && !seen.server) g.push(svg("text", { class: "end dim", x: places.client - 8, y: y + 4 }, clockOf(j.t + seen.middle[0])));
  return svg("g", {}, svg("title", {}, name + " " + detail + (cut ? " · " + word("not-arrived") : "") + " · " + clockOf(j.t + m.t)), g);
}

function drawLogRung(j, r, places, y) {
  var q = r.line;
  var side = data.files[q.e] ? data.files[q.e].s : "server", lane = side !== "resolver" ? side : texts[j.s] === "dns" ? "server" : "network", x = places[lane];
  var stamp = clockOf(j.t + q.t + (q.r || 0)), name = lastPart(fileName(q.e)) + ":" + q.n + (r.more ? " +" + r.more : ""), g = [];
  g.push(svg("path", { class: "stamp", d: "M" + x + " " + (y - 4) + "l5 5l-5 5l-5 -5z" }));
  if (lane === "server") g.push(svg("text", { class: "dim", x: x + 8, y: y + 5 }, stamp), svg("text", { class: "end halo", x: x - 10, y: y + 5 }, shorten(name, 30)));
  else if (lane === "client") g.push(svg("text", { class: "end dim", x: x - 8, y: y + 5 }, stamp), svg("text", { class: "halo", x: x + 10, y: y + 5 }, shorten(name, 30)));
  else g.push(svg("text", { class: "end dim halo", x: x - 10, y: y + 5 }, stamp), svg("text", { class: "halo", x: x + 10, y: y + 5 }, shorten(name, 24)));
  var sure = q.a === undefined ? "" : " (−" + span(-q.a) + " +" + span(q.z) + ")";
  return svg("g", {}, svg("title", {}, word("log-line") + " " + fileName(q.e) + ":" + q.n + " · " + clockOf(j.t + q.t) + sure + " · " + q.x), g);
}
