/** yargs, in a module that the command has in a file of its own: only help needs it. */
export { default as yargs } from 'yargs';
