/**
 * Raised with every change of tables or procedures. It is part of the procedures' names, because
 * processes of two versions work on one database during a rolling update.
 */
export const SCHEMA_VERSION = 2;
