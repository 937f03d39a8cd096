// `cards`: pairs of a term and its meaning. `place` and `turned`: the card that is seen, and whether its back is up.

function render({ model, el }) {
  el.classList.add("unrolled");
  el.innerHTML = model.get("markup");
  const cards = model.get("cards");
  const card = el.querySelector(".unrolled-card");
  const [back, turn, next] = el.querySelectorAll("button");

  function draw() {
    const [term, meaning] = cards[model.get("place")];
    const shown = model.get("turned") ? `<p><b>${term}</b></p><p>${meaning}</p>` : `<p><b>${term}</b></p>`;
    card.innerHTML = `${shown}<p class="unrolled-place">Card ${model.get("place") + 1} of ${cards.length}</p>`;
  }

  function show(place, turned) {
    model.set("place", (place + cards.length) % cards.length);
    model.set("turned", turned);
    model.save_changes();
    draw();
  }

  const flip = () => show(model.get("place"), !model.get("turned"));
  back.addEventListener("click", () => show(model.get("place") - 1, false));
  next.addEventListener("click", () => show(model.get("place") + 1, false));
  turn.addEventListener("click", flip);
  card.addEventListener("click", flip);
  for (const button of [back, turn, next]) {
    // JupyterLab would edit the cell on Enter and scroll on Space. Tab and Esc stay with the page.
    button.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.stopPropagation();
      }
    });
  }
  model.on("change:place change:turned", draw);
  draw();
  return () => model.off("change:place change:turned", draw);
}

export default { render };
