// Each day of each year that comes with the player: a holiday, a make-up workday or neither, by us and by chinese-days.
import assert from "node:assert/strict";
import fs from "node:fs";

const [folder] = process.argv.slice(2);
const theirs = JSON.parse(fs.readFileSync(`${process.env.MODULES}/node_modules/chinese-days/dist/chinese-days.json`));
const files = fs.readdirSync(folder).filter(name => name.endsWith(".json"));
assert.ok(files.length > 0, "no year comes with the player");

const ours = new Map();
const years = new Set();
for (const name of files) {
  const { year, papers, days } = JSON.parse(fs.readFileSync(`${folder}/${name}`));
  assert.equal(name, `${year}.json`);
  assert.ok(papers.length > 0 && days.length > 0, `${name}: no notice, or no days: it is of no use before the notice is out`);
  years.add(String(year));
  for (const day of days) ours.set(day.date, day.isOffDay);
}

const known = new Map([...Object.keys(theirs.holidays).map(d => [d, true]), ...Object.keys(theirs.workdays).map(d => [d, false])]);
const wrong = [];
let compared = 0;
for (const year of years) {
  const there = [...known.keys()].filter(date => date.startsWith(year));
  assert.ok(there.length > 0, `chinese-days knows nothing of ${year}: raise its version`);
  for (const date of new Set([...there, ...[...ours.keys()].filter(date => date.startsWith(year))])) {
    if (ours.get(date) !== known.get(date)) wrong.push(`${date}: off ${ours.get(date)} here, ${known.get(date)} there`);
    const weekday = new Date(`${date}T00:00Z`).getUTCDay();
    if (ours.get(date) === false && weekday !== 0 && weekday !== 6) wrong.push(`${date}: a make-up workday on a weekday`);
    compared++;
  }
}
assert.deepEqual(wrong, []);
console.log(`${[...years].join(", ")}: ${compared} holidays and make-up workdays, the same in both`);
