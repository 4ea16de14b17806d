/**
 * Raised with every change of tables or functions. A function keeps its name only while older
 * processes can call it: processes of two versions work on one schema during a rolling update.
 */
export const SCHEMA_VERSION = 3;
