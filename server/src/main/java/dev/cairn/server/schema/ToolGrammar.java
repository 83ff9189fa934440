package dev.cairn.server.schema;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.server.chat.ToolForm;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The grammar of outputs that call tools, in the form that the model's template teaches. */
public final class ToolGrammar {
  private static final String OPEN = "<tool_call>";

  private ToolGrammar() {}

  /**
   * A tool that may be called.
   *
   * @param parameters the schema that its arguments have to satisfy; empty: any object
   */
  public record Tool(String name, Optional<JsonNode> parameters) {}

  /**
   * @param form how calls are written
   * @param tools those that may be called
   * @param several whether there may be more than one call
   * @param isRequired whether there has to be a call
   * @param answer the grammar of an answer without a call; empty: any text
   * @return GBNF
   * @throws SchemaException where arguments cannot be held to a tool's schema
   */
  public static String of(
      ToolForm form,
      List<Tool> tools,
      boolean several,
      boolean isRequired,
      Optional<String> answer) {
    StringBuilder rules = new StringBuilder();
    List<String> bodies = new ArrayList<>();
    String field = form == ToolForm.LLAMA3 ? "parameters" : "arguments";
    for (Tool tool : tools) {
      String prefix = "t" + bodies.size() + "-";
      String grammar =
          tool.parameters()
              .map(schema -> arguments(tool, schema))
              .orElseGet(SchemaGrammar::anyObject);
      rules.append(GrammarPrefix.apply(grammar, prefix));
      String begin = "{\"name\": " + SchemaGrammar.json(tool.name()) + ", \"" + field + "\": ";
      bodies.add(GrammarText.literal(begin) + " " + prefix + "root \"}\"");
    }
    rules.append("body ::= ").append(String.join(" | ", bodies)).append('\n');
    if (form == ToolForm.LLAMA3) {
      rules.append("calls ::= body\n");
    } else {
      rules.append("call ::= \"<tool_call>\\n\" body \"\\n</tool_call>\"\n");
      rules.append("calls ::= call").append(several ? " ( \"\\n\" call )*" : "").append('\n');
    }
    if (isRequired) {
      return "root ::= calls\n" + rules;
    }
    if (answer.isPresent()) {
      return "root ::= calls | a-root\n" + rules + GrammarPrefix.apply(answer.get(), "a-");
    }
    return form == ToolForm.LLAMA3
        ? "root ::= [ \\t\\r\\n]* ( calls | ( [^{ \\t\\r\\n] .* )? )\n" + rules
        : rules + textThenCalls(several);
  }

  private static String arguments(Tool tool, JsonNode schema) {
    try {
      return SchemaGrammar.of(schema);
    } catch (SchemaException e) {
      throw new SchemaException(tool.name(), "cannot be held to: " + e.getMessage(), "parameters");
    }
  }

  /** Any text; once it has the mark that opens a call, a call. */
  private static String textThenCalls(boolean several) {
    StringBuilder out = new StringBuilder("root ::= f0\n");
    for (int i = 0; i < OPEN.length(); i++) {
      char next = OPEN.charAt(i);
      String go = i + 1 == OPEN.length() ? "opened" : "f" + (i + 1);
      out.append("f").append(i).append(" ::= \"\" | \"").append(next).append("\" ").append(go);
      out.append(i == 0 ? " | [^<] f0\n" : " | \"<\" f1 | [^<" + next + "] f0\n");
    }
    return out.append("opened ::= \"\\n\" body \"\\n</tool_call>\"")
        .append(several ? " ( \"\\n\" call )*\n" : "\n")
        .toString();
  }
}
