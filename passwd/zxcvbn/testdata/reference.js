// Rates passwords with npm's zxcvbn: reads lines of JSON {"p": password, "u": [user inputs]} and writes one line each of
// [password, user inputs, guesses, score, warning, suggestions, patterns]. YEAR in the environment sets the clock, and tokens have their places.
const year = parseInt(process.env.YEAR, 10);
Date.prototype.getFullYear = () => year; // what the model asks for
const zxcvbn = require('zxcvbn');
const lines = require('fs').readFileSync(0, 'utf8').split('\n').filter((l) => l);
const out = lines.map((line) => {
  const { p, u } = JSON.parse(line);
  const r = zxcvbn(p, u || []);
  return JSON.stringify([p, u || [], r.guesses, r.score, r.feedback.warning, r.feedback.suggestions, r.sequence.map((m) => m.pattern)]);
});
process.stdout.write(out.join('\n') + '\n');
