"""What the tests of pages ask a browser: the smallest contrast of what is written and drawn."""

CONTRAST = """() => {
  const numbers = colour => colour.match(/[0-9.]+/g).map(Number);
  const light = colour => numbers(colour).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const ratio = ink => (Math.max(light(ink), paper) + 0.05) / (Math.min(light(ink), paper) + 0.05);
  const worst = (query, property) => Math.min(...[...document.querySelectorAll(query)].map(
    one => ratio(getComputedStyle(one)[property])));
  return {text: worst('p, td, th, h1, h2, h3, li, figcaption, small, dt, dd', 'color'),
          drawn: worst('svg text', 'fill'),
          keys: worst('.keys span', 'color'), badges: worst('.badge', 'color'), dark: paper < 0.2};
}"""
