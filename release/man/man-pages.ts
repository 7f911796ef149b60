import { COMMANDS } from '../../src/cli/commands/command-table.js';
import type { Section } from '../../src/cli/help/page.js';
import { commandPage, programPage, TOPIC_NAMES, topicPage } from '../../src/cli/help/pages.js';
import { VERSION } from '../../src/version.js';
import { formatManPage } from './man-page.js';

const PROGRAM = 'multiarch';

/** The man pages of the program and of each command, by their file names. */
export async function manPages(): Promise<ReadonlyMap<string, string>> {
  const commands = COMMANDS.filter(({ name }) => name !== 'help');
  const names = commands.map(({ name }) => `${PROGRAM}-${name}`);
  const pages = new Map([[fileName(PROGRAM), programManPage(names)]]);
  for (const entry of commands) {
    const name = `${PROGRAM}-${entry.name}`;
    const { sections, ...page } = commandPage(entry, await entry.load(), PROGRAM);
    const globals = { title: 'Global options', lines: ['They are described in multiarch(1).'] };
    pages.set(
      fileName(name),
      formatManPage({
        name,
        page: { ...page, sections: [...sections, globals] },
        version: VERSION,
        seeAlso: [PROGRAM],
      }),
    );
  }
  return pages;
}

function fileName(name: string): string {
  return `${name}.1`;
}

/** The page of the program, with the topics as sections. */
function programManPage(names: readonly string[]): string {
  const { summary, usage = PROGRAM, sections } = programPage(PROGRAM);
  const topics = TOPIC_NAMES.flatMap((topic): Section[] => {
    const name = topic.replace('-', ' ');
    return (topicPage(topic)?.sections ?? []).map(({ title, ...section }) => ({
      ...section,
      title: title === undefined || topic === 'options' ? (title ?? name) : `${name}: ${title}`,
    }));
  });
  return formatManPage({
    name: PROGRAM,
    page: { summary, usage, sections: [...sections, ...topics] },
    version: VERSION,
    seeAlso: names,
  });
}
