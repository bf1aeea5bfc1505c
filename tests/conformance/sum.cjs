// Sums the checks of directories that the suite wrote. A failure is one, and
// so is a warning; so is a scenario that we count on and that did not run.

const fs = require('fs');
const path = require('path');

const EXPECTED = { modern: 50, legacy: 33, june: 27, march: 1 };  // scenarios
// The suite itself skips this one: the extension's notifications are optional.
const SKIPPED = ['tasks-status-notifications'];
let passed = 0, failed = 0;

for (const directory of process.argv.slice(2)) {
  const set = path.basename(directory);
  const scenarios = fs.readdirSync(directory).sort();
  for (const scenario of scenarios) {
    const name = scenario.replace(/^server-|-\d{4}-\d\d-\d\dT.*$/g, '');
    const checks = JSON.parse(fs.readFileSync(
      path.join(directory, scenario, 'checks.json')));
    const bad = checks.filter((one) => !['SUCCESS', 'INFO'].includes(one.status)
      && !SKIPPED.includes(name));
    passed += checks.filter((one) => one.status === 'SUCCESS').length;
    failed += bad.length;
    for (const one of bad)
      console.log(`not ok: ${set}: ${name}: ${one.id}: ${one.status}: `
        + `${one.errorMessage ?? one.description}`);
  }
  console.log(`${set}: ${scenarios.length} scenarios`);
  if (scenarios.length < EXPECTED[set]) {
    failed++;
    console.log(`not ok: ${set}: ${EXPECTED[set]} scenarios were expected`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
