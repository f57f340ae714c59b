// Puts a slider above each set of pictures: on the left of its line one of the others, on the right what the last
// one of the set shows. Without this script the pictures stand side by side.
'use strict';

function addSlider(figure) {
  const shots = new Map([...figure.querySelectorAll('.shot')].map((shot) => [shot.dataset.kind, shot]));
  const after = figure.querySelector('.shot[data-after]');
  const name = figure.dataset.name;
  const titleOf = (shot) => shot.querySelector('span').textContent;
  const stage = document.createElement('div'), slider = document.createElement('input');
  const picture = (kind) => {
    const image = document.createElement('img');
    image.className = kind;
    image.alt = '';
    image.draggable = false;
    return image;
  };
  const images = {before: picture('before'), after: picture('after')};
  const labels = [document.createElement('b'), document.createElement('b')];
  stage.className = 'stage';
  stage.append(images.before, images.after, document.createElement('i'), ...labels);
  images.after.src = after.querySelector('img').src;
  labels[1].textContent = titleOf(after);
  if (after.querySelector('img').width <= 128) stage.classList.add('coarse');
  Object.assign(slider, {type: 'range', min: 0, max: 100, value: 50});

  const move = () => {
    stage.style.setProperty('--at', slider.value + '%');
    slider.setAttribute('aria-valuetext', `${labels[0].textContent} on the left ${slider.value} %`);
  };
  const show = (kind) => {
    const before = shots.get(kind);
    images.before.src = before.querySelector('img').src;
    labels[0].textContent = titleOf(before);
    slider.setAttribute('aria-label', `${name}: ${titleOf(before)} beside ${titleOf(after)}`);
    move();
  };
  const drag = (event) => {
    const box = stage.getBoundingClientRect();
    slider.value = 100 * (event.clientX - box.left) / box.width;
    move();
  };
  slider.addEventListener('input', move);
  stage.addEventListener('pointerdown', (event) => {
    stage.setPointerCapture(event.pointerId);
    drag(event);
  });
  stage.addEventListener('pointermove', (event) => {
    if (stage.hasPointerCapture(event.pointerId)) drag(event);
  });
  figure.prepend(stage, slider);
  return show;
}

const figures = [...document.querySelectorAll('.compare')].map(addSlider);
const choices = [...document.querySelectorAll('.choice input')];
for (const choice of choices) {
  const show = () => {
    if (choice.checked) figures.forEach((each) => each(choice.value));
  };
  choice.addEventListener('change', show);
  show();
}
document.documentElement.classList.add('js');
