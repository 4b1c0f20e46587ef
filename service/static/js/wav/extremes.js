/** Least and greatest of the values between two places. */
export function extremes(values, from, to) {
  let least = values[from];
  let greatest = least;
  for (let i = from + 1; i < to; i += 1) {
    const value = values[i];
    if (value < least) least = value;
    else if (value > greatest) greatest = value;
  }
  return [least, greatest];
}
