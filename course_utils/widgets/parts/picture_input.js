// An area to choose or drop an image file. Its bytes go to the kernel unchanged.

function render({ model, el }) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  input.type = "file";
  input.accept = "image/*";
  input.style.marginLeft = "8px";
  label.append("Choose a picture, or drop one here:", input);
  label.style.cssText = "display:inline-block;padding:8px;border:2px dashed "
    + "var(--jp-ui-font-color2, #616161);border-radius:4px;color:var(--jp-ui-font-color1, inherit)";
  el.append(label);

  async function send(file) {
    if (!file) return;
    if (file.size > model.get("most_bytes")) {
      model.send({ name: file.name, too_large: file.size });
    } else {
      model.send({ name: file.name }, undefined, [await file.arrayBuffer()]);
    }
    input.value = ""; // so that the same file can be chosen again
  }
  input.addEventListener("change", () => send(input.files[0]));
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    label.addEventListener(kind, (event) => {
      event.preventDefault(); // or the browser would open the file instead of JupyterLab
      event.stopPropagation();
      label.style.borderStyle = kind === "dragenter" || kind === "dragover" ? "solid" : "dashed";
      if (kind === "drop") send(event.dataTransfer.files[0]);
    });
  }
}

export default { render };
