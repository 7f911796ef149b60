/**
 * Executables of a few hundred bytes: each is a static Linux program of the architecture asked for that writes one text
 * and exits with 0. One loaded segment, no sections, no libraries; the machine code stands below, word by word.
 *
 * @typedef {'amd64' | 'arm64' | 'arm' | '386' | 'ppc64le' | 's390x' | 'riscv64'} Architecture An architecture, as Go (GOARCH) and OCI name it.
 */

/** Where the one segment is loaded: a multiple of 64 KiB, the largest page any of these machines uses. */
const BASE = 0x400000;
/** Where the code starts and where the text starts, in the file and from BASE. Every program below knows the second. */
const CODE = 0x80;
const TEXT = 0x100;
/** The longest text, in bytes: what the shortest immediate operand below (riscv64: 12 bits, signed) can say. */
const LONGEST = 2047;

/**
 * @typedef {object} Machine
 * @property {number} machine ELF e_machine.
 * @property {32 | 64} bits ELF class.
 * @property {boolean} littleEndian
 * @property {number} flags ELF e_flags.
 * @property {(length: number) => Uint8Array} code write(1, BASE + TEXT, length), then exit(0).
 */

/** @type {Readonly<Record<Architecture, Machine>>} */
const MACHINES = {
  amd64: {
    machine: 62,
    bits: 64,
    littleEndian: true,
    flags: 0,
    code: (length) =>
      joined(
        [0xb8, 0x01, 0x00, 0x00, 0x00], // mov eax, 1 (write)
        [0xbf, 0x01, 0x00, 0x00, 0x00], // mov edi, 1
        [0xbe, 0x00, 0x01, 0x40, 0x00], // mov esi, 0x400100
        [0xba, length & 0xff, length >> 8, 0x00, 0x00], // mov edx, length
        [0x0f, 0x05], // syscall
        [0xb8, 0x3c, 0x00, 0x00, 0x00], // mov eax, 60 (exit)
        [0x31, 0xff], // xor edi, edi
        [0x0f, 0x05], // syscall
      ),
  },
  386: {
    machine: 3,
    bits: 32,
    littleEndian: true,
    flags: 0,
    code: (length) =>
      joined(
        [0xb8, 0x04, 0x00, 0x00, 0x00], // mov eax, 4 (write)
        [0xbb, 0x01, 0x00, 0x00, 0x00], // mov ebx, 1
        [0xb9, 0x00, 0x01, 0x40, 0x00], // mov ecx, 0x400100
        [0xba, length & 0xff, length >> 8, 0x00, 0x00], // mov edx, length
        [0xcd, 0x80], // int 0x80
        [0xb8, 0x01, 0x00, 0x00, 0x00], // mov eax, 1 (exit)
        [0x31, 0xdb], // xor ebx, ebx
        [0xcd, 0x80], // int 0x80
      ),
  },
  arm64: {
    machine: 183,
    bits: 64,
    littleEndian: true,
    flags: 0,
    code: (length) =>
      words(
        0xd2800020, // movz x0, #1
        0xd2802001, // movz x1, #0x100
        0xf2a00801, // movk x1, #0x40, lsl #16
        0xd2800002 | (length << 5), // movz x2, #length
        0xd2800808, // movz x8, #64 (write)
        0xd4000001, // svc #0
        0xd2800000, // movz x0, #0
        0xd2800ba8, // movz x8, #93 (exit)
        0xd4000001, // svc #0
      ),
  },
  arm: {
    machine: 40,
    bits: 32,
    littleEndian: true,
    flags: 0x05000000, // EABI version 5
    code: (length) =>
      words(
        0xe3a00001, // mov r0, #1
        0xe3a01501, // mov r1, #0x400000
        0xe2811c01, // add r1, r1, #0x100
        0xe3a02000 | (length & 0xff), // mov r2, #(length's low byte)
        0xe3822c00 | (length >> 8), // orr r2, r2, #(length's high byte)
        0xe3a07004, // mov r7, #4 (write)
        0xef000000, // svc #0
        0xe3a00000, // mov r0, #0
        0xe3a07001, // mov r7, #1 (exit)
        0xef000000, // svc #0
      ),
  },
  ppc64le: {
    machine: 21,
    bits: 64,
    littleEndian: true,
    flags: 2, // ELFv2 calling convention
    code: (length) =>
      words(
        0x38000004, // li r0, 4 (write)
        0x38600001, // li r3, 1
        0x3c800040, // lis r4, 0x40
        0x60840100, // ori r4, r4, 0x100
        0x38a00000 | length, // li r5, length
        0x44000002, // sc
        0x38000001, // li r0, 1 (exit)
        0x38600000, // li r3, 0
        0x44000002, // sc
      ),
  },
  s390x: {
    machine: 22,
    bits: 64,
    littleEndian: false,
    flags: 0,
    code: (length) =>
      joined(
        [0xa7, 0x29, 0x00, 0x01], // lghi %r2, 1
        [0xc0, 0x3f, 0x00, 0x40, 0x01, 0x00], // llilf %r3, 0x400100
        [0xa7, 0x49, length >> 8, length & 0xff], // lghi %r4, length
        [0x0a, 0x04], // svc 4 (write)
        [0xa7, 0x29, 0x00, 0x00], // lghi %r2, 0
        [0x0a, 0x01], // svc 1 (exit)
      ),
  },
  riscv64: {
    machine: 243,
    bits: 64,
    littleEndian: true,
    flags: 0,
    code: (length) =>
      words(
        0x00100513, // li a0, 1
        0x004005b7, // lui a1, 0x400
        0x10058593, // addi a1, a1, 0x100
        0x00000613 | (length << 20), // li a2, length
        0x04000893, // li a7, 64 (write)
        0x00000073, // ecall
        0x00000513, // li a0, 0
        0x05d00893, // li a7, 93 (exit)
        0x00000073, // ecall
      ),
  },
};

/**
 * A static Linux executable that writes `text` to its standard output and exits with 0.
 *
 * @param {Architecture} architecture
 * @param {string} text Written as UTF-8, at most 2047 bytes.
 * @returns {Uint8Array} The ELF file.
 */
export function tinyElf(architecture, text) {
  const { machine, bits, littleEndian, flags, code } = MACHINES[architecture];
  const message = new TextEncoder().encode(text);
  if (message.length > LONGEST) {
    throw new RangeError(`The text is ${message.length} bytes long; a tiny executable holds ${LONGEST}.`);
  }
  const file = new Uint8Array(TEXT + message.length);
  const view = new DataView(file.buffer);
  let at = 0;
  /** @param {number} value */
  const half = (value) => {
    view.setUint16(at, value, littleEndian);
    at += 2;
  };
  /** @param {number} value */
  const word = (value) => {
    view.setUint32(at, value, littleEndian);
    at += 4;
  };
  /** @param {number} value An address, offset or size: as wide as the class. */
  const wide = (value) => {
    if (bits === 32) {
      word(value);
      return;
    }
    view.setBigUint64(at, BigInt(value), littleEndian);
    at += 8;
  };
  const headerSize = bits === 64 ? 64 : 52;
  const readAndExecute = 5;

  file.set([0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, littleEndian ? 1 : 2, 1]);
  at = 16;
  half(2); // e_type: ET_EXEC
  half(machine);
  word(1); // e_version
  wide(BASE + CODE); // e_entry
  wide(headerSize); // e_phoff: the program header follows at once
  wide(0); // e_shoff: no sections
  word(flags);
  half(headerSize);
  half(bits === 64 ? 56 : 32); // e_phentsize
  half(1); // e_phnum
  at = headerSize;
  word(1); // p_type: PT_LOAD
  if (bits === 64) word(readAndExecute); // p_flags stand here in a 64-bit file, and further down in a 32-bit one
  wide(0); // p_offset: the whole file
  wide(BASE); // p_vaddr
  wide(BASE); // p_paddr
  wide(file.length); // p_filesz
  wide(file.length); // p_memsz
  if (bits === 32) word(readAndExecute);
  wide(0x10000); // p_align

  file.set(code(message.length), CODE);
  file.set(message, TEXT);
  return file;
}

/**
 * @param {...number[]} instructions
 * @returns {Uint8Array}
 */
function joined(...instructions) {
  return Uint8Array.from(instructions.flat());
}

/**
 * @param {...number} instructions Of 32 bits each, written little-endian.
 * @returns {Uint8Array}
 */
function words(...instructions) {
  const bytes = new Uint8Array(instructions.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, instruction] of instructions.entries()) view.setUint32(index * 4, instruction, true);
  return bytes;
}
