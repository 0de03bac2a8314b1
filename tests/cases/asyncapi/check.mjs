// packaging/doc/asyncapi.yaml by AsyncAPI's own parser: an error, or a topic that the code does not know, fails.
import {createRequire} from 'node:module';
import {readFileSync} from 'node:fs';

const require = createRequire(`${process.env.MODULES}/`);
const {Parser, fromFile} = require('@asyncapi/parser');

const file = process.argv[2];
const {document, diagnostics} = await fromFile(new Parser(), file).parse();
const errors = diagnostics.filter((d) => d.severity === 0);
for (const e of errors) console.error(`${file}: ${e.path.join('.')}: ${e.message}`);
if (!document || errors.length) process.exit(1);

// A validator that accepts everything would say nothing.
const broken = readFileSync(file, 'utf8').replace('action: receive', 'action: listen');
const again = await new Parser().parse(broken, {source: file});
if (!again.diagnostics.some((d) => d.severity === 0)) {
    console.error('a wrong action was not noticed');
    process.exit(1);
}
const wanted = ['tocsin/v1/feeds/{feed}/events', 'tocsin/v1/receipts/{feed}', 'tocsin/v1/displays/{site}/{ward}/board'];
const addresses = document.channels().all().map((c) => c.address());
for (const a of wanted) {
    if (addresses.includes(a)) continue;
    console.error(`${file}: has no channel ${a}`);
    process.exit(1);
}
console.log(`${addresses.length} channels, ${document.operations().all().length} operations, no error`);
