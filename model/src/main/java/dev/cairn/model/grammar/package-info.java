/**
 * Languages that an output may be held to: grammars in GBNF, and which tokens of a vocabulary may
 * come next. Pure; reads in the order {@code Grammar}, {@code GrammarParser}, {@code Automaton},
 * {@code Machine}, {@code TokenTrie}, {@code TokenLanguage}. {@code JsonSchema} writes grammars.
 */
package dev.cairn.model.grammar;
