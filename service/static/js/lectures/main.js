// The page `/lectures`: each example fills its section as soon as it comes near the screen.

import "../shell.js";
import { correlation } from "./correlation.js";
import { digit } from "./digit.js";
import { neighbours } from "./neighbours.js";
import { pooling } from "./pooling.js";
import { shift } from "./shift.js";
import { sizes } from "./sizes.js";
import { slide } from "./slide.js";
import { volume } from "./volume.js";

const EXAMPLES = { slide, sizes, pooling, shift, correlation, volume, digit, neighbours };

const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      EXAMPLES[target.id](target);
    }
  },
  { rootMargin: "600px" },
);
for (const name of Object.keys(EXAMPLES)) near.observe(document.querySelector(`#${name}`));
