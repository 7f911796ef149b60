/** yargs, in a module that the command has in a file of its own: only a misspelt name needs it. */
export { default as yargs } from 'yargs';
