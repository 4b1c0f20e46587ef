// A square to draw a digit in, and the digit as MNIST has it: 28 x 28, twenty high, centred by its centre of mass.

import { element } from "../dom.js";

const SIDE = 280;
const STROKES = [
  [[140, 50, 90, 90, 85, 180, 140, 230, 190, 180, 190, 95, 140, 50]],
  [[110, 90, 145, 50, 145, 230]],
  [[85, 100, 110, 55, 165, 55, 185, 100, 150, 150, 85, 225, 195, 225]],
  [[90, 65, 150, 50, 185, 90, 145, 130, 190, 175, 150, 225, 85, 215]],
  [[155, 50, 80, 165, 200, 165], [165, 110, 165, 235]],
  [[185, 55, 105, 55, 95, 130, 150, 120, 190, 165, 150, 225, 90, 215]],
  [[170, 50, 110, 110, 90, 180, 130, 230, 185, 195, 160, 145, 100, 165]],
  [[85, 60, 195, 60, 130, 230]],
  [[140, 135, 95, 95, 140, 50, 185, 95, 140, 135, 90, 185, 140, 230, 190, 185, 140, 135]],
  [[185, 100, 145, 135, 100, 100, 140, 55, 185, 100, 180, 160, 150, 230]],
];

/** The canvas, and {clear, sample(digit), pixels()}; change is called after each stroke. */
export function pad(change) {
  const canvas = element("canvas", { class: "pad", width: SIDE, height: SIDE, role: "img", "aria-label": "Draw a digit here; the buttons draw one for you" });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  Object.assign(context, { lineWidth: 24, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
  const place = ({ offsetX, offsetY }) => [(offsetX / canvas.clientWidth) * SIDE, (offsetY / canvas.clientHeight) * SIDE];
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    context.beginPath();
    context.moveTo(...place(event));
    context.lineTo(...place(event));
    context.stroke();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    context.lineTo(...place(event));
    context.stroke();
  });
  canvas.addEventListener("pointerup", change);
  const clear = () => context.clearRect(0, 0, SIDE, SIDE);
  return [
    canvas,
    {
      clear,
      sample(digit) {
        clear();
        for (const stroke of STROKES[digit]) {
          context.beginPath();
          for (let i = 0; i < stroke.length; i += 2) context.lineTo(stroke[i], stroke[i + 1]);
          context.stroke();
        }
      },
      pixels: () => asMnist(canvas, context),
    },
  ];
}

/** Buttons that have a digit drawn: `draw` is called with it. */
export function sampleButtons(draw) {
  const buttons = STROKES.map((_, digit) => {
    const button = element("button", { type: "button", class: "button small", "aria-label": `Draw a ${digit} for me` }, String(digit));
    button.addEventListener("click", () => draw(digit));
    return button;
  });
  return element("fieldset", {}, element("span", { class: "quiet" }, "Draw for me"), ...buttons);
}

/** Rows of brightness from 0 to 1; null if nothing is drawn. */
function asMnist(canvas, context) {
  const ink = alpha(context, SIDE);
  const box = { left: SIDE, top: SIDE, right: 0, bottom: 0 };
  ink.forEach((row, y) =>
    row.forEach((value, x) => {
      if (!value) return;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x + 1);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y + 1);
    }),
  );
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  if (width <= 0) return null;
  const scale = 20 / Math.max(width, height);
  const small = shrunk(canvas, box, scale, (28 - width * scale) / 2, (28 - height * scale) / 2);
  let [sum, x, y] = [0, 0, 0];
  small.forEach((row, i) =>
    row.forEach((value, j) => {
      sum += value;
      x += value * (j + 0.5);
      y += value * (i + 0.5);
    }),
  );
  const left = (28 - width * scale) / 2 + 14 - x / sum;
  const top = (28 - height * scale) / 2 + 14 - y / sum;
  return shrunk(canvas, box, scale, left, top);
}

function shrunk(canvas, box, scale, left, top) {
  const small = new OffscreenCanvas(28, 28).getContext("2d");
  small.imageSmoothingQuality = "high";
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  small.drawImage(canvas, box.left, box.top, width, height, left, top, width * scale, height * scale);
  return alpha(small, 28);
}

function alpha(context, side) {
  const { data } = context.getImageData(0, 0, side, side);
  return Array.from({ length: side }, (_, y) => Array.from({ length: side }, (_, x) => data[4 * (y * side + x) + 3] / 255));
}
