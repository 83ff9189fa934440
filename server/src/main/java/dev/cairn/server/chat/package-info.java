/**
 * Chats as text: templates out of model files, rendered in a sandbox, and the tool calls in what a
 * model answers.
 */
package dev.cairn.server.chat;
