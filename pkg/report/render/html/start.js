// What happens when the page is opened.

function copyButtons() {
  document.querySelectorAll(".copy").forEach(function (box) {
    var code = box.querySelector("code");
    var button = html("button", { type: "button", onclick: function () {
      copyText(code);
      button.textContent = word("copied");
      setTimeout(function () { button.textContent = word("copy"); }, 1500);
    } }, word("copy"));
    box.append(button);
  });
}

// copyText uses the selection where the clipboard may not be written.
function copyText(code) {
  var bySelection = function () {
    getSelection().selectAllChildren(code);
    document.execCommand("copy");
  };
  if (navigator.clipboard && navigator.clipboard.writeText) navigator.clipboard.writeText(code.textContent).catch(bySelection);
  else bySelection();
}

// follow opens what an address within the page names: j:ID or f:ID.
function follow(focus) {
  var name = "";
  try { name = decodeURIComponent(location.hash.slice(1)); } catch (e) { return; }
  if (name.slice(0, 2) === "j:") {
    var i = journeys.findIndex(function (j) { return "j:" + texts[j.i] === name; });
    if (i < 0) return;
    var n = view.rows.indexOf(i);
    if (n >= 0) { view.active = n; byId("rows").scrollTop = Math.max(0, n * ROW - 80); }
    showJourney(i, focus);
    return;
  }
  var target = byId(name);
  for (var e = target; e; e = e.parentElement) if (e.tagName === "DETAILS") e.open = true;
  if (target) {
    target.scrollIntoView({ block: "start" });
    if (focus && target.tagName === "DETAILS") target.querySelector("summary").focus();
  }
}

function drawFocus() {
  var j = journeys.find(function (j) { return texts[j.i] === data.focus; });
  if (!j) return;
  if (byId("focus-waterfall")) drawWaterfall(byId("focus-waterfall"), j);
  if (byId("focus-ladder") && byId("timeline").open) drawLadder(byId("focus-ladder"), j);
}

function drawAll() {
  drawFocus();
  drawChosen();
  drawOverview();
  drawSpread();
  drawClocks();
}

function openForPaper() {
  document.querySelectorAll("details:not(.more)").forEach(function (d) {
    if (!d.open) { d.dataset.folded = "1"; d.open = true; }
  });
  drawAll();
  paintGrid(true);
}

function foldAgain() {
  document.querySelectorAll("details[data-folded]").forEach(function (d) { d.open = false; delete d.dataset.folded; });
  paintGrid();
}

document.querySelectorAll(".js").forEach(function (e) { if (journeys.length) e.hidden = false; });
copyButtons();
if (journeys.length) {
  buildGrid();
  buildFilters();
  buildZoom();
  listeners.push(drawSpread);
  zoomTo(null, null);
}
drawAll();
["timeline", "overview", "spread", "clocks"].forEach(function (id) { if (byId(id)) byId(id).addEventListener("toggle", drawAll); });
var lastWidth = innerWidth, waitingToDraw = 0;
addEventListener("resize", function () {
  if (innerWidth === lastWidth) return;
  lastWidth = innerWidth;
  clearTimeout(waitingToDraw);
  waitingToDraw = setTimeout(function () { drawAll(); if (journeys.length) paintGrid(); }, 120);
});
addEventListener("beforeprint", openForPaper);
addEventListener("afterprint", foldAgain);
addEventListener("hashchange", function () { follow(true); });
addEventListener("keydown", function (e) { if (e.key === "Escape" && chosen >= 0) closeJourney(); });
if (location.hash.length > 1) follow(false);
document.documentElement.dataset.ready = "1";
