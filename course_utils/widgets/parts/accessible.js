// Names and states that screen readers need and ipywidgets does not provide: a slider's thumb is
// named after the label next to it, a toggle button says whether it is pressed, a Play button
// says what it does, and a status line is read out when it changes. Lists keep the arrow keys.

function words(element) {
  return element ? element.textContent.trim() : "";
}

function set(element, name, value) {
  // Only if it differs: a change would call the observer below again.
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function repair(panel) {
  for (const thumb of panel.querySelectorAll(".widget-slider [role=slider]")) {
    const slider = thumb.closest(".widget-inline-hbox, .widget-inline-vbox");
    const name = words(slider.querySelector(".widget-label"));
    if (name) set(thumb, "aria-label", name);
    const readout = words(slider.querySelector(".widget-readout"));
    if (readout) set(thumb, "aria-valuetext", readout);
  }
  for (const readout of panel.querySelectorAll(".widget-readout[contenteditable]")) {
    const name = words(readout.parentElement.querySelector(".widget-label"));
    set(readout, "role", "textbox");
    set(readout, "aria-label", `${name}, type a value`);
  }
  for (const field of panel.querySelectorAll(".course-number-slider input[type=number]")) {
    const name = words(field.closest(".course-number-slider").querySelector(".widget-label"));
    set(field, "aria-label", `${name}, as a number`);
  }
  for (const button of panel.querySelectorAll(".widget-toggle-button")) {
    set(button, "aria-pressed", String(button.classList.contains("mod-active")));
  }
  for (const button of panel.querySelectorAll(".widget-play button")) {
    if (button.title) set(button, "aria-label", button.title);
  }
  for (const list of panel.querySelectorAll("select")) {
    // Or JupyterLab takes the arrow keys and leaves the cell instead of choosing an entry.
    set(list, "data-lm-suppress-shortcuts", "true");
  }
  for (const line of panel.querySelectorAll(".course-status")) set(line, "role", "status");
  for (const bar of panel.querySelectorAll("[role=progressbar]")) {
    const name = words(bar.parentElement.querySelector(".widget-label"));
    set(bar, "aria-label", name || "progress");
  }
}

function render({ model, el }) {
  el.hidden = true;
  let observer;
  // The panel is not around this element yet.
  const frame = requestAnimationFrame(function start() {
    const panel = el.closest(".course-panel");
    if (!panel) return requestAnimationFrame(start);
    repair(panel);
    observer = new MutationObserver(() => repair(panel));
    observer.observe(panel, {
      subtree: true, childList: true, characterData: true, attributeFilter: ["class", "title"],
    });
  });
  return () => { cancelAnimationFrame(frame); observer?.disconnect(); };
}

export default { render };
