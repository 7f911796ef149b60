import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** A page in a browser without a window, driven by the DevTools protocol. */
export interface Browser {
  /** Returns the value of an expression in the page. */
  evaluate(expression: string): Promise<unknown>;
  /** Clicks on the middle of an element. @param element an expression */
  click(element: string): Promise<void>;
  press(key: string): Promise<void>;
  colorScheme(scheme: 'light' | 'dark'): Promise<void>;
  resize(width: number): Promise<void>;
  close(): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/**
 * Opens a page in Chromium over a pipe: no port, and no package.
 * @param directory for the profile
 */
export async function openBrowser(program: string, directory: string, url: string): Promise<Browser> {
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe', '--no-first-run'];
  const child = spawn(program, [...flags, `--user-data-dir=${join(directory, 'profile')}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const [input, output] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  const waiting = new Map<number, { resolve: (message: Message) => void; reject: (error: Error) => void }>();
  const events = new Map<string, () => void>();
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the browser has exited'));
  });
  let rest = '';
  output.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\0');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const message = JSON.parse(part) as Message;
      if (message.id !== undefined) waiting.get(message.id)?.resolve(message);
      if (message.method !== undefined) events.get(message.method)?.();
    }
  });
  let last = 0;
  let sessionId: string | undefined;
  const send = async (method: string, params: object = {}): Promise<Record<string, unknown>> => {
    const id = (last += 1);
    const replied = new Promise<Message>((resolve, reject) => waiting.set(id, { resolve, reject }));
    input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    const { result = {}, error } = await replied;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  };
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  ({ sessionId } = (await send('Target.attachToTarget', { targetId, flatten: true })) as {
    sessionId: string;
  });
  await send('Page.enable');
  const loaded = new Promise<void>((resolve) => events.set('Page.loadEventFired', resolve));
  await send('Page.navigate', { url });
  await loaded;
  const evaluate = async (expression: string): Promise<unknown> => {
    const { result } = await send('Runtime.evaluate', { expression, returnByValue: true });
    return (result as { readonly value?: unknown }).value;
  };
  return {
    evaluate,
    click: async (element) => {
      const script = `(() => { const e = ${element}; e.scrollIntoView(); const { x, y, height } = e.getBoundingClientRect(); return [x + 20, y + height / 2]; })()`;
      const [x, y] = (await evaluate(script)) as [number, number];
      const mouse = { x, y, button: 'left', clickCount: 1 };
      await send('Input.dispatchMouseEvent', { type: 'mousePressed', ...mouse });
      await send('Input.dispatchMouseEvent', { type: 'mouseReleased', ...mouse });
    },
    press: async (key) => {
      const code = { key, code: key, windowsVirtualKeyCode: 13, text: '\r' };
      await send('Input.dispatchKeyEvent', { type: 'keyDown', ...code });
      await send('Input.dispatchKeyEvent', { type: 'keyUp', key, code: key, windowsVirtualKeyCode: 13 });
    },
    colorScheme: async (value) => {
      await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] });
    },
    resize: async (width) => {
      await send('Emulation.setDeviceMetricsOverride', {
        width,
        height: 900,
        deviceScaleFactor: 1,
        mobile: false,
      });
    },
    close: async () => {
      child.kill();
      await exited;
    },
  };
}
