/** got, in a module that the command has in a file of its own: commands that contact no registry do not read it. */
export { got } from 'got';
