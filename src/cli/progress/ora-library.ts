/** ora, in a module that the command has in a file of its own: only a terminal on which progress is drawn needs it. */
export { default as ora } from 'ora';
