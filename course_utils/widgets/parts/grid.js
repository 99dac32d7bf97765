// A grid of cells, chosen with the mouse (also by dragging), or with Tab and the arrow keys.
// An image may be the background.

const STYLE = `
.course-grid { display: inline-grid; gap: 1px; max-width: 100%; position: relative;
  color: var(--jp-ui-font-color1, inherit); font-size: 12px; line-height: 1.2; }
.course-grid > div { display: contents; }
.course-grid [role=gridcell] { cursor: pointer; display: flex; align-items: center;
  justify-content: center; text-align: center; min-width: 0; min-height: 0;
  background-size: 100% 100%; image-rendering: pixelated; }
.course-grid [role=rowheader], .course-grid [role=columnheader] { padding: 2px 6px;
  display: flex; align-items: center; justify-content: center; font-weight: normal;
  text-align: center; overflow-wrap: anywhere; min-width: 0; }
.course-grid [role=rowheader] { justify-content: flex-end; }
.course-grid [role=gridcell]:hover { outline: 2px dashed var(--jp-ui-font-color1, black);
  outline-offset: -2px; }
.course-grid [role=gridcell][aria-selected=true] { outline: 3px solid #d55e00;
  outline-offset: -3px; box-shadow: inset 0 0 0 5px white; }
.course-grid [role=gridcell]:focus-visible { outline: 3px solid #d55e00; outline-offset: 0; z-index: 1; }
.course-grid.on-image { gap: 0; background-size: 100% 100%; }
`;

function element(role, words, label) {
  const made = document.createElement("div");
  if (role) made.setAttribute("role", role);
  if (words) made.textContent = words;
  if (label) made.setAttribute("aria-label", label);
  return made;
}

function cellAt(model, row, column) {
  const { words, label, style } = model.get("cells")[row][column];
  const cell = element("gridcell", words, label);
  cell.dataset.row = row;
  cell.dataset.column = column;
  cell.dataset.lmSuppressShortcuts = "true"; // JupyterLab uses the arrow keys itself
  if (style) cell.style.cssText = style;
  return cell;
}

function showBackground(model, grid) {
  const background = model.get("background");
  grid.classList.toggle("on-image", Boolean(background));
  grid.style.backgroundImage = background ? `url("${background}")` : "";
}

function build(model, grid) {
  const cells = model.get("cells"), heads = model.get("column_names"), names = model.get("row_names");
  grid.replaceChildren();
  grid.setAttribute("aria-label", model.get("name"));
  showBackground(model, grid);
  const [width, height] = model.get("cell_size");
  const columns = cells.length ? cells[0].length : 0;
  grid.style.gridTemplateColumns = `${names.length ? "auto " : ""}repeat(${columns}, ${width}px)`;
  grid.style.gridTemplateRows = `${heads.length ? "auto " : ""}repeat(${cells.length}, ${height}px)`;
  if (heads.length) {
    const line = element("row");
    if (names.length) line.append(element("columnheader", model.get("corner")));
    heads.forEach((name) => line.append(element("columnheader", name)));
    grid.append(line);
  }
  cells.forEach((row, i) => {
    const line = element("row");
    if (names.length) line.append(element("rowheader", names[i]));
    row.forEach((_, j) => line.append(cellAt(model, i, j)));
    grid.append(line);
  });
}

function mark(model, grid) {
  const chosen = `${model.get("row")},${model.get("column")}`;
  let first = null, found = false;
  for (const cell of grid.querySelectorAll("[role=gridcell]")) {
    const isChosen = `${cell.dataset.row},${cell.dataset.column}` === chosen;
    cell.setAttribute("aria-selected", String(isChosen));
    cell.tabIndex = isChosen ? 0 : -1;
    first ??= cell;
    found ||= isChosen;
  }
  if (first && !found) first.tabIndex = 0;
}

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
  Home: [0, -Infinity], End: [0, Infinity], Enter: [0, 0], " ": [0, 0] };

function render({ model, el }) {
  const style = document.createElement("style");
  style.textContent = STYLE;
  const grid = element("grid");
  grid.className = "course-grid";
  el.append(style, grid);

  function choose(cell, focusing = {}) {
    model.set({ row: Number(cell.dataset.row), column: Number(cell.dataset.column) });
    model.save_changes();
    cell.focus(focusing);
  }
  const cellOf = (event) => event.target.closest("[role=gridcell]");
  grid.addEventListener("pointerdown", (event) => {
    event.target.releasePointerCapture?.(event.pointerId);
    // The page must not move under the pointer: that would drag to another cell.
    if (cellOf(event)) choose(cellOf(event), { preventScroll: true });
  });
  grid.addEventListener("pointerover", (event) => {
    if (event.buttons === 1 && cellOf(event)) choose(cellOf(event), { preventScroll: true });
  });
  grid.addEventListener("keydown", (event) => {
    const step = STEPS[event.key], cell = cellOf(event);
    if (!step || !cell) return;
    event.preventDefault();
    event.stopPropagation();
    const cells = model.get("cells");
    const limit = (value, length) => Math.max(0, Math.min(length - 1, value));
    const row = limit(Number(cell.dataset.row) + step[0], cells.length);
    const column = limit(Number(cell.dataset.column) + step[1], cells[row].length);
    choose(grid.querySelector(`[data-row="${row}"][data-column="${column}"]`));
  });

  const rebuild = () => {
    const focused = grid.contains(document.activeElement);
    build(model, grid);
    mark(model, grid);
    if (focused) grid.querySelector("[tabindex='0']")?.focus();
  };
  model.on("change:background", () => showBackground(model, grid));
  for (const trait of ["cells", "row_names", "column_names", "cell_size", "name"]) {
    model.on(`change:${trait}`, rebuild);
  }
  model.on("change:row change:column", () => mark(model, grid));
  rebuild();
}

export default { render };
