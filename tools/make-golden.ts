/**
 * Writes the golden log of this build: `npx tsx tools/make-golden.ts test/golden/v2`. The directory must
 * not be there yet: a golden log that was released is never written again.
 */
import { writeGolden } from '../test/golden/write-golden.ts';

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('name the directory: test/golden/v<rules version>');
const { last_index, digest, entries } = await writeGolden(directory);
console.log(`${last_index} entries of ${Object.keys(entries).length} types, digest ${digest}`);
