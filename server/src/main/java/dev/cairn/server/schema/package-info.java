/** JSON schemas as grammars: the outputs of a grammar are JSON texts that satisfy its schema. */
package dev.cairn.server.schema;
