/* Names beside the cars on a map: each stands where it touches no other, and is left out where there is no room. */

const SIDES = [[1, 0], [-1, 0], [0, -1], [0, 1]];
const before = new Map(); // the side on which each name stood last: it stays there while it can

const touch = (one, other) => one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;

/* dots: { car, x, y, radius } in the order in which names are given room; `context` has the font. */
export function drawNames(context, dots, { text, ground, ratio }) {
  const taken = dots.map(({ x, y, radius }) => ({ left: x - radius, right: x + radius, top: y - radius, bottom: y + radius }));
  const high = parseFloat(context.font.match(/([\d.]+)px/)[1]);
  context.lineWidth = 3 * ratio;
  context.strokeStyle = ground;
  context.fillStyle = text;
  for (const { car, x, y, radius } of dots) {
    const wide = context.measureText(car.acronym).width;
    const last = before.get(car.number);
    for (const side of last ? [last, ...SIDES] : SIDES) {
      const middle = [x + side[0] * (radius + 3 * ratio + wide / 2), y + side[1] * (radius + ratio + high / 2)];
      const box = { left: middle[0] - wide / 2, right: middle[0] + wide / 2, top: middle[1] - high / 2, bottom: middle[1] + high / 2 };
      if (taken.some((other) => touch(box, other))) continue;
      taken.push(box);
      before.set(car.number, side);
      context.strokeText(car.acronym, box.left, middle[1]);
      context.fillText(car.acronym, box.left, middle[1]);
      break;
    }
  }
}
