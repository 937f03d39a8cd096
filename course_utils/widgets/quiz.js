// `questions`: of each, `several`, `right` and `feedback` by option. `chosen`: the options that are ticked now.
// `solved`: the questions that were answered rightly at least once; the kernel notes the learner's progress from it.

const ARROWS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

function isSolved(question, chosen) {
  return question.right.every((right, option) => right === chosen.includes(option));
}

function feedback(question, chosen) {
  const lines = chosen.map((option) => {
    const mark = question.right[option] ? "✓" : '<span role="img" aria-label="Not this one:">✗</span>';
    return `<p>${mark} ${question.feedback[option]}</p>`;
  });
  const onlyRight = chosen.length > 0 && chosen.every((option) => question.right[option]);
  if (question.several && onlyRight) {
    lines.push(isSolved(question, chosen) ? "<p>You have found them all.</p>" : "<p>There is more to find.</p>");
  }
  return lines.join("");
}

function render({ model, el }) {
  el.classList.add("unrolled");
  el.innerHTML = model.get("markup");
  const questions = model.get("questions");
  const fields = [...el.querySelectorAll("fieldset")];
  const inputs = fields.map((field) => [...field.querySelectorAll("input")]);
  const score = el.querySelector(".unrolled-score");

  function draw() {
    const chosen = model.get("chosen");
    questions.forEach((question, number) => {
      inputs[number].forEach((input, option) => {
        input.checked = chosen[number].includes(option);
        input.parentElement.classList.toggle("unrolled-right", input.checked && question.right[option]);
        input.parentElement.classList.toggle("unrolled-wrong", input.checked && !question.right[option]);
      });
      const said = fields[number].querySelector(".unrolled-feedback");
      const text = feedback(question, chosen[number]);
      if (said.dataset.text !== text) { // what is written again is read out again
        said.innerHTML = said.dataset.text = text;
      }
    });
    score.textContent = `${model.get("solved").length} of ${questions.length} questions answered correctly.`;
  }

  function answer(number, option) {
    const chosen = model.get("chosen").map((options) => [...options]);
    if (!questions[number].several) {
      chosen[number] = [option];
    } else if (chosen[number].includes(option)) {
      chosen[number] = chosen[number].filter((other) => other !== option);
    } else {
      chosen[number].push(option);
    }
    model.set("chosen", chosen);
    if (isSolved(questions[number], chosen[number]) && !model.get("solved").includes(number)) {
      model.set("solved", [...model.get("solved"), number]);
    }
    model.save_changes();
    draw();
  }

  inputs.forEach((options, number) => {
    options.forEach((input, option) => {
      input.addEventListener("change", () => answer(number, option));
      // An arrow moves on without an answer, so that the options can be read first. Tab and Esc stay with the page.
      input.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) {
          return;
        }
        if (event.key in ARROWS) {
          options[(option + ARROWS[event.key] + options.length) % options.length].focus();
        } else if (event.key === "Enter") {
          input.click();
        } else {
          if (event.key === " ") {
            event.stopPropagation(); // the browser ticks the option, and JupyterLab must not scroll
          }
          return;
        }
        event.preventDefault();
        event.stopPropagation();
      });
    });
  });
  model.on("change:chosen change:solved", draw);
  draw();
  return () => model.off("change:chosen change:solved", draw);
}

export default { render };
