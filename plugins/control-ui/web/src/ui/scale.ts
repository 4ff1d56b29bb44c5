// From numbers to places in a plot. Pure.
export const WIDTH = 100;
export const HEIGHT = 40;

/** A round number at or above the largest, so that the axis has a readable end. */
export function ceiling(most: number): number {
  if (!(most > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= most * 0.999) ?? 10;
  return step * power;
}

/** The points of a line, `x` from 0 to `WIDTH`, `y` down from the top. */
export function points(values: readonly number[], most: number): string {
  // one value is a level, and not yet a line that begins somewhere
  const [only] = values;
  if (values.length === 1 && only !== undefined) return points([only, only], most);
  const step = WIDTH / Math.max(1, values.length - 1);
  return values.map((value, at) => `${(at * step).toFixed(2)},${(HEIGHT - (HEIGHT * value) / most).toFixed(2)}`).join(" ");
}
