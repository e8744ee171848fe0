// Refreshes the numbers of the collector's page every two seconds while somebody looks at it.
// Sets text and attributes only: the page is served under a policy that would refuse anything else.
"use strict";

const EVERY = 2000;
const number = new Intl.NumberFormat("en-US");
const state = document.getElementById("state");

function text(element, value) {
  if (element && element.textContent !== value) element.textContent = value;
}

function bars(row, values, most) {
  for (const bar of row.querySelectorAll("[data-bar]")) {
    const share = most > 0 ? ((values[bar.dataset.bar] ?? 0) / most) * 100 : 0;
    bar.setAttribute("width", Math.max(0, share).toFixed(2));
  }
}

function fields(row, values) {
  for (const cell of row.querySelectorAll("[data-field]")) {
    const field = cell.dataset.field;
    if (field === "rate") {
      const { clicks, exposures } = values;
      text(cell, exposures > 0 ? `${((clicks / exposures) * 100).toFixed(1)} %` : "–");
    } else {
      text(cell, number.format(values[field] ?? 0));
    }
  }
}

// False when the page has other rows than the answer: then the server draws it anew.
function table(selector, key, rows) {
  const drawn = [...document.querySelectorAll(selector)];
  const same = drawn.length === rows.length && drawn.every((row, at) => Object.values(row.dataset)[0] === String(rows[at][key]));
  if (!same) return false;
  const most = Math.max(0, ...rows.map((row) => row.decisions));
  drawn.forEach((row, at) => {
    bars(row, rows[at], most);
    fields(row, rows[at]);
  });
  return true;
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/v1/counts", { headers: { accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const counts = await answer.json();
    for (const element of document.querySelectorAll("[data-total]")) {
      text(element, number.format(counts.totals[element.dataset.total] ?? 0));
    }
    for (const element of document.querySelectorAll("[data-now]")) {
      text(element, number.format(counts.process[element.dataset.now] ?? 0));
    }
    const drawn = table("[data-campaign]", "key", counts.campaigns) && table("[data-reason]", "code", counts.reasons);
    if (!drawn) location.reload();
    text(state, "live");
  } catch {
    text(state, "the collector does not answer; trying again");
  }
}

setInterval(refresh, EVERY);
document.addEventListener("visibilitychange", refresh);
refresh();
