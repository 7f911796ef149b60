// `npm run picture`
import { writeFileSync } from 'node:fs';

import { root } from './markdown.js';
import { terminalPicture } from './terminal-picture.js';

writeFileSync(`${root}docs/terminal.svg`, await terminalPicture());
