'use strict';
// The page has one history: the picture that was opened, then steps. A step is a mark, `clear`, or a fill with
// its result. What is seen follows from the history alone, so that undo and redo take a step off and put it back.

const $ = (id) => document.getElementById(id);
const stage = $('stage'), message = $('message');
const layers = {picture: $('picture'), before: $('before'), marks: $('marks'), pointer: $('pointer')};
const inks = Object.fromEntries(Object.entries(layers).map(([name, canvas]) =>
  [name, canvas.getContext('2d', {willReadFrequently: name === 'marks'})]));  // the mask is read from there

let opened = null;      // {blob, bitmap, name}: as it came
let steps = [], undone = [];
let drawing = null;     // the mark that has begun
let cursor = null;      // where the brush is, in pixels of the picture
let busy = null;        // the request that is under way: an AbortController
// What is shown of models that are no checkpoint of the user's.
const kModels = {harmonic: 'Smooth fill, without a trained model', 'built-in.safetensors': 'The built-in model'};
let limits = {max_upload_bytes: Infinity, max_pixels: Infinity};

const tool = () => document.querySelector('[name=tool]:checked').value;
// Brushes from 1/200 to 1/4 of the picture's longer side, as a diameter in pixels.
const brush = () => Math.max(2, Math.max(layers.picture.width, layers.picture.height) * 0.005 * 50 ** ($('size').value / 100));
const shown = () => [...steps].reverse().find((step) => step.kind === 'fill') ?? opened;
function marks() {
  const begin = steps.findLastIndex((step) => step.kind === 'fill' || step.kind === 'clear') + 1;
  return steps.slice(begin);
}

function say(text, isFault = false) {
  message.textContent = text;
  message.classList.toggle('fault', isFault);
}

// Drawing

function drawMark(ink, mark) {
  ink.globalCompositeOperation = mark.kind === 'eraser' ? 'destination-out' : 'source-over';
  ink.fillStyle = ink.strokeStyle = '#e8175d';
  const [first] = mark.points, last = mark.points.at(-1);
  if (mark.kind === 'box') {
    ink.fillRect(first.x, first.y, last.x - first.x, last.y - first.y);
  } else {
    ink.lineWidth = mark.size;
    ink.lineCap = ink.lineJoin = 'round';
    ink.beginPath();
    ink.moveTo(first.x, first.y);
    for (const point of mark.points) ink.lineTo(point.x, point.y);
    ink.stroke();
  }
}

function drawMarks() {
  inks.marks.globalCompositeOperation = 'source-over';
  inks.marks.clearRect(0, 0, layers.marks.width, layers.marks.height);
  for (const mark of marks()) drawMark(inks.marks, mark);
}

function drawPointer() {
  const ink = inks.pointer, {width, height} = layers.pointer, pixel = width / (stage.clientWidth || width);
  ink.clearRect(0, 0, width, height);
  if (!cursor || busy) return;
  const scale = width / layers.picture.width, x = cursor.x * scale, y = cursor.y * scale;
  if (drawing?.kind === 'box') {
    const [first] = drawing.points;
    ink.fillStyle = '#e8175d8c';
    ink.fillRect(first.x * scale, first.y * scale, x - first.x * scale, y - first.y * scale);
  }
  for (const [colour, line] of [['#000', 3], ['#fff', 1.5]]) {
    ink.strokeStyle = colour;
    ink.lineWidth = line * pixel;
    ink.beginPath();
    if (tool() === 'box') {
      const arm = 9 * pixel;
      ink.moveTo(x - arm, y); ink.lineTo(x + arm, y); ink.moveTo(x, y - arm); ink.lineTo(x, y + arm);
    } else {
      ink.arc(x, y, Math.max(brush() * scale / 2, 2 * pixel), 0, 2 * Math.PI);
    }
    ink.stroke();
  }
}

function compareAt(percent) {
  $('compare').value = percent;
  stage.style.setProperty('--at', `${percent}%`);
  $('compare').setAttribute('aria-valuetext', percent == 0 ? 'after' : percent == 100 ? 'before' : `${percent} % before`);
  $('line').hidden = percent == 0 || percent == 100;
}

let drawn = null;  // what the canvas of the picture shows
function show() {
  const now = shown();
  if (now !== drawn) {
    const {width, height} = now.bitmap;
    for (const name of ['picture', 'marks']) Object.assign(layers[name], {width, height});
    inks.picture.drawImage(now.bitmap, 0, 0);
    drawn = now;
    fit();
    compareAt(0);
  }
  drawMarks();
  drawPointer();
  const filled = now !== opened;
  $('after').hidden = $('download').hidden = !filled;
  if (filled) {
    Object.assign($('download'), {href: now.url, download: `${opened.name}_filled.png`});
  }
  $('undo').disabled = !steps.length || !!busy;
  $('redo').disabled = !undone.length || !!busy;
  $('clear').disabled = !marks().length || !!busy;
  $('fill').disabled = !!busy;
  $('busy').hidden = !busy;
  stage.setAttribute('aria-busy', String(!!busy));
}

// The picture is seen whole: not wider than the page, and not higher than the window leaves.
function fit() {
  if (!opened) return;
  const {width, height} = layers.picture, room = $('work').clientWidth;
  const most = Math.max(240, innerHeight - (innerWidth > 640 ? 260 : 330));
  const scale = Math.min(room / width, most / height, Math.max(1, 320 / Math.max(width, height)) * 2);
  stage.style.width = `${Math.max(1, Math.round(width * scale))}px`;
  stage.style.height = `${Math.max(1, Math.round(height * scale))}px`;
  const dots = Math.min(devicePixelRatio || 1, 2);
  layers.pointer.width = Math.round(stage.clientWidth * dots);
  layers.pointer.height = Math.round(stage.clientHeight * dots);
  drawPointer();
}

// History

function step(made) {
  steps.push(made);
  undone = [];
  show();
}

function undo() {
  if (busy || !steps.length) return;
  undone.push(steps.pop());
  say('');
  show();
}

function redo() {
  if (busy || !undone.length) return;
  steps.push(undone.pop());
  say('');
  show();
}

function clear() {
  if (!busy && marks().length) step({kind: 'clear'});
}

// Marking

function pointOf(event) {
  const box = stage.getBoundingClientRect();
  return {x: (event.clientX - box.left) * layers.picture.width / box.width,
          y: (event.clientY - box.top) * layers.picture.height / box.height};
}

function begin(point) {
  if (busy) return;
  compareAt(0);
  drawing = {kind: tool(), size: brush(), points: [point]};
  if (drawing.kind !== 'box') drawMark(inks.marks, drawing);
}

// The marks of a large picture take long to draw: only what is new is drawn. A rectangle is drawn when it ends.
function extend(points) {
  if (!drawing) return;
  if (drawing.kind === 'box') {
    drawing.points[1] = points.at(-1);
  } else {
    drawing.points.push(...points);
    drawMark(inks.marks, {...drawing, points: drawing.points.slice(-points.length - 1)});
  }
}

function end() {
  const mark = drawing;
  drawing = null;
  if (!mark) return;
  const [first] = mark.points, last = mark.points.at(-1);
  const isEmpty = mark.kind === 'box' && (Math.abs(first.x - last.x) < 1 || Math.abs(first.y - last.y) < 1);
  if (isEmpty) return drawPointer();
  say('');
  step(mark);
}

function cancel() {
  drawing = null;
  drawMarks();
}

stage.addEventListener('pointerdown', (event) => {
  if (event.button !== 0 || !event.isPrimary) return cancel();  // a second finger takes the mark back
  stage.setPointerCapture(event.pointerId);
  stage.focus({preventScroll: true});
  cursor = pointOf(event);
  begin(cursor);
  drawPointer();
  event.preventDefault();
});
stage.addEventListener('pointermove', (event) => {
  if (!event.isPrimary) return;
  cursor = pointOf(event);
  const all = event.getCoalescedEvents?.() ?? [];
  extend((all.length ? all : [event]).map(pointOf));
  drawPointer();
});
stage.addEventListener('pointerup', (event) => { if (event.isPrimary) end(); });
stage.addEventListener('pointercancel', cancel);
stage.addEventListener('pointerleave', () => { if (!drawing) { cursor = null; drawPointer(); } });
// Without this a browser may take a tap shortly after a quick stroke for the end of a swipe.
stage.addEventListener('touchstart', (event) => event.preventDefault(), {passive: false});
stage.addEventListener('contextmenu', (event) => { if (drawing) event.preventDefault(); });

const kArrows = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
stage.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const {width, height} = layers.picture;
  if (kArrows[event.key]) {
    const [dx, dy] = kArrows[event.key], far = Math.max(1, Math.round(brush() / 4)) * (event.shiftKey ? 5 : 1);
    cursor ??= {x: width / 2, y: height / 2};
    cursor = {x: Math.min(width, Math.max(0, cursor.x + dx * far)), y: Math.min(height, Math.max(0, cursor.y + dy * far))};
    extend([cursor]);
  } else if (event.key === ' ') {
    cursor ??= {x: width / 2, y: height / 2};
    if (drawing) end(); else begin(cursor);
  } else if (event.key === 'Escape') {
    cancel();
  } else {
    return;
  }
  drawPointer();
  event.preventDefault();
});

document.addEventListener('keydown', (event) => {
  if (!opened || event.altKey) return;
  const key = event.key.toLowerCase(), ctrl = event.ctrlKey || event.metaKey;
  if (ctrl && key === 'z') event.shiftKey ? redo() : undo();
  else if (ctrl && key === 'y') redo();
  else if (ctrl) return;
  else if (key === 'enter' && !event.target.closest('button, a, summary')) fill();
  else if (key === 'b' || key === 'r' || key === 'e') document.querySelector(`[value=${{b: 'brush', r: 'box', e: 'eraser'}[key]}]`).click();
  else if (key === '[' || key === ']') $('size').value = Number($('size').value) + (key === '[' ? -5 : 5);
  else return;
  drawPointer();
  event.preventDefault();
});

// Opening

async function encoded(canvas) {
  const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
  if (!blob) throw new Error('This browser has not enough memory for a picture of this size.');
  return blob;
}

async function open(blob) {
  busy?.abort();
  busy = null;
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob);
  } catch {
    return fault('This file cannot be opened: it is no picture that this browser knows. PNG and JPEG always work.');
  }
  try {
    if (bitmap.width * bitmap.height > limits.max_pixels)
      throw new Error(`This picture has ${bitmap.width} × ${bitmap.height} pixels. At most ${limits.max_pixels / 1e6} million are taken: scale it down first.`);
    if (!['image/png', 'image/jpeg'].includes(blob.type)) {  // the server reads these
      const canvas = Object.assign(document.createElement('canvas'), {width: bitmap.width, height: bitmap.height});
      canvas.getContext('2d').drawImage(bitmap, 0, 0);
      blob = Object.assign(await encoded(canvas), {name: blob.name});
    }
    if (blob.size > limits.max_upload_bytes)
      throw new Error(`This file has ${Math.ceil(blob.size / 2 ** 20)} MiB. At most ${limits.max_upload_bytes / 2 ** 20} are taken.`);
  } catch (error) {
    return fault(error.message);
  }
  for (const made of [...steps, ...undone]) if (made.url) URL.revokeObjectURL(made.url);
  opened = {blob, bitmap, name: (blob.name ?? 'picture').replace(/\.[^.]*$/, '') || 'picture'};
  steps = [];
  undone = [];
  cursor = drawing = null;
  Object.assign(layers.before, {width: bitmap.width, height: bitmap.height});
  inks.before.drawImage(bitmap, 0, 0);
  $('start').hidden = true;
  $('work').hidden = false;
  say('Mark what should go, then fill.');
  show();
  stage.focus({preventScroll: true});
}

function fault(text) {
  if ($('work').hidden) {
    let line = $('start').querySelector('.fault');
    if (!line) {
      line = Object.assign(document.createElement('p'), {className: 'fault'});
      line.setAttribute('role', 'alert');
      $('start').append(line);
    }
    line.textContent = text;
  } else {
    say(text, true);
  }
}

function pictureIn(transfer) {
  const files = [...(transfer?.files ?? [])];
  return files.find((file) => file.type.startsWith('image/')) ?? files[0];
}

$('file').addEventListener('change', () => {
  const [file] = $('file').files;
  if (file) open(file);
  $('file').value = '';
});
document.addEventListener('paste', (event) => {
  const file = pictureIn(event.clipboardData);
  if (file) open(file);
  else fault('There is no picture to paste.');
});
document.addEventListener('dragover', (event) => {
  event.preventDefault();
  $('drop').hidden = false;
});
document.addEventListener('dragleave', (event) => { if (!event.relatedTarget) $('drop').hidden = true; });
document.addEventListener('drop', (event) => {
  event.preventDefault();
  $('drop').hidden = true;
  const file = pictureIn(event.dataTransfer);
  if (file) open(file);
  else fault('What was dropped is no file. Save the picture first, then drop the file.');
});

// Filling

// The marks in white on black, without the greys of soft edges; null where nothing is marked.
async function mask() {
  const {width, height} = layers.marks;
  const canvas = Object.assign(document.createElement('canvas'), {width, height}), ink = canvas.getContext('2d', {willReadFrequently: true});
  const rows = Math.max(1, Math.floor(2 ** 22 / width));  // at a time
  let marked = 0;
  for (let top = 0; top < height; top += rows) {
    const part = inks.marks.getImageData(0, top, width, Math.min(rows, height - top)), pixels = new Uint32Array(part.data.buffer);
    for (let k = 0; k < pixels.length; ++k) {
      const isMarked = pixels[k] >>> 24 >= 128;
      marked += isMarked;
      pixels[k] = isMarked ? 0xffffffff : 0xff000000;
    }
    ink.putImageData(part, 0, top);
  }
  return marked ? encoded(canvas) : null;
}

const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

async function post(form, signal) {
  for (let attempt = 0;; ++attempt) {
    let response;
    try {
      response = await fetch('fill', {method: 'POST', body: form, signal});
    } catch (error) {
      if (signal.aborted) throw error;
      throw new Error('The server does not answer. Does inpaint_serve still run?');
    }
    if (response.ok) return response.blob();
    const wait = Number(response.headers.get('Retry-After'));
    if (wait && attempt < 10) {
      say('The server is busy; trying again …');
      await pause(wait);
      signal.throwIfAborted();
      continue;
    }
    const said = await response.json().catch(() => ({}));
    throw new Error(`The picture was not filled: ${said.error ?? `status ${response.status}`}`);
  }
}

async function fill() {
  if (busy || !opened) return;
  end();
  const from = shown(), request = busy = new AbortController(), start = performance.now();
  say('Filling …');
  show();
  try {
    const form = new FormData();
    form.append('image', from.blob, 'image');
    form.append('format', 'png');
    form.append('finish', $('texture').checked ? 'patches' : 'none');
    const holes = await mask();
    if (holes) form.append('mask', holes, 'mask');
    else if (from.blob.type !== 'image/png') throw new Error('Nothing is marked yet. Paint over what should go.');
    const blob = await post(form, request.signal);
    const bitmap = await createImageBitmap(blob);
    if (busy !== request) return;  // another picture has been opened
    busy = null;
    step({kind: 'fill', blob, bitmap, url: URL.createObjectURL(blob)});
    say(`Filled in ${((performance.now() - start) / 1000).toFixed(1)} s. Mark more, or download it.`);
  } catch (error) {
    if (busy !== request) return;
    busy = null;
    say(error.message, true);
    show();
  }
}

for (const [id, action] of Object.entries({undo, redo, clear, fill})) $(id).addEventListener('click', action);
$('compare').addEventListener('input', () => {
  compareAt($('compare').value);
  cursor = null;
  drawPointer();
});
$('size').addEventListener('input', () => {
  cursor ??= {x: layers.picture.width / 2, y: layers.picture.height / 2};
  drawPointer();
});
for (const radio of document.querySelectorAll('[name=tool]')) radio.addEventListener('change', drawPointer);
new ResizeObserver(fit).observe(document.body);
addEventListener('resize', fit);

fetch('healthz').then((response) => response.json()).then((health) => {
  limits = health;
  $('model').textContent = kModels[health.model] ?? health.model;
  $('texture').checked = health.finish === 'patches';
}).catch(() => fault('The server does not answer. Does inpaint_serve still run?'));
