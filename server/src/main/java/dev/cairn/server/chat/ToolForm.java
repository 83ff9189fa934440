package dev.cairn.server.chat;

/** How a model writes that it wants a tool called. */
public enum ToolForm {
  /** Tool calls are text like any other. */
  NONE,
  /** {@code <tool_call>{"name": …, "arguments": {…}}</tool_call>}, as Hermes and Qwen do. */
  HERMES,
  /** The whole output is {@code {"name": …, "parameters": {…}}}, as Llama 3 does. */
  LLAMA3;

  /** The form that a template teaches; NONE where it says nothing of tools. */
  static ToolForm of(String template) {
    if (!template.contains("tools")) {
      return NONE;
    }
    return !template.contains("<tool_call>") && template.contains("\"parameters\": ")
        ? LLAMA3
        : HERMES;
  }
}
