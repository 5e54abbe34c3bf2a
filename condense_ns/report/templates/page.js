"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  const dialog = document.querySelector(".enlarged");
  const holder = dialog.querySelector(".holder");
  const frames = all("button.frame");
  let shown = 0;
  const enlarge = (index) => {
    shown = (index + frames.length) % frames.length;
    const frame = frames[shown];
    holder.replaceChildren(...[...frame.children].map((layer) => layer.cloneNode(true)));
    holder.style.setProperty("--aspect", frame.style.getPropertyValue("--aspect"));
    dialog.querySelector("p").textContent = frame.querySelector("img").alt;
    if (!dialog.open) dialog.showModal();
  };
  frames.forEach((frame, index) => frame.addEventListener("click", () => enlarge(index)));
  all("[data-step]", dialog).forEach((button) =>
    button.addEventListener("click", () => enlarge(shown + Number(button.dataset.step))),
  );
  dialog.addEventListener("click", (event) => {
    if (!event.target.closest("[data-step]")) dialog.close();
  });
  dialog.addEventListener("close", () => frames[shown].focus({ preventScroll: false }));
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") enlarge(shown - 1);
    if (event.key === "ArrowRight") enlarge(shown + 1);
  });

  for (const comparison of all(".comparison")) {
    const stage = comparison.querySelector(".stage");
    const cut = comparison.querySelector(".cut");
    const figures = all("figure", stage);
    const move = () => stage.style.setProperty("--cut", `${cut.value}%`);
    const pull = (event) => {
      const box = stage.getBoundingClientRect();
      cut.value = (100 * (event.clientX - box.left)) / box.width;
      move();
    };
    stage.addEventListener("pointerdown", (event) => {
      if (!event.target.closest(".frame")) return;
      event.preventDefault();
      stage.setPointerCapture(event.pointerId);
      pull(event);
    });
    stage.addEventListener("pointermove", (event) => {
      if (stage.hasPointerCapture(event.pointerId)) pull(event);
    });
    cut.addEventListener("input", move);
    const choices = { left: 0, right: 1 };
    const arrange = () => {
      figures.forEach((figure) => delete figure.dataset.side);
      for (const [side, index] of Object.entries(choices)) {
        figures[index].dataset.side = side;
        all(`[data-choice="${side}"] input`, comparison).forEach((input, position) => {
          input.checked = position === index;
        });
      }
    };
    for (const side of ["left", "right"]) {
      const other = side === "left" ? "right" : "left";
      all(`[data-choice="${side}"] input`, comparison).forEach((input, index) =>
        input.addEventListener("change", () => {
          if (choices[other] === index) choices[other] = choices[side];
          choices[side] = index;
          arrange();
        }),
      );
    }
    comparison.classList.add("live");
  }

  for (const film of all(".film")) {
    const image = film.querySelector("picture img");
    const still = film.querySelector("source").srcset;
    const moving = image.src;
    const button = film.querySelector(".pause");
    button.addEventListener("click", () => {
      const paused = image.src === moving;
      image.src = paused ? still : moving;
      button.textContent = paused ? "Play" : "Pause";
      button.setAttribute("aria-pressed", String(paused));
    });
  }

  for (const commands of all(".commands")) {
    const button = commands.querySelector(".copy");
    const code = commands.querySelector("code");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent.trimEnd());
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Press Ctrl+C";
      }
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
  }
})();
