import { FAULTS, type Fault, type FaultName, type Outcome } from './faults.js';
import { OPERATIONS, type Operation, type OperationName } from './operations.js';

/** A request with a fault, and what the command must come to. */
export interface Cell {
  readonly fault: FaultName;
  readonly operation: OperationName;
  readonly outcome: Outcome;
}

export const OPERATION_NAMES = Object.keys(OPERATIONS) as OperationName[];
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];

/** Returns the cell of a fault and an operation; `undefined` if the operation cannot have the fault. */
export function cellOf(fault: FaultName, operation: OperationName): Cell | undefined {
  const { expect }: Fault = FAULTS[fault];
  const { kind }: Operation = OPERATIONS[operation];
  const outcome = operation in expect ? expect[operation] : kind in expect ? expect[kind] : expect.all;
  return outcome && { fault, operation, outcome };
}

/** All cells, fault by fault. */
export const CELLS: readonly Cell[] = FAULT_NAMES.flatMap((fault) =>
  OPERATION_NAMES.flatMap((operation) => cellOf(fault, operation) ?? []),
);
