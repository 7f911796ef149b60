#!/usr/bin/env node
import * as nodeModule from 'node:module';
import { basename } from 'node:path';

// Node 22.1 and newer keep the compiled code from one run to the next; older ones lack the function.
nodeModule.enableCompileCache?.();

const { main } = await import('../dist/cli.js');
const [, program = '', ...argv] = process.argv;
process.exitCode = await main(argv, process, basename(program));
