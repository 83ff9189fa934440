package dev.cairn.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.server.chat.ToolForm;
import dev.cairn.server.schema.SchemaException;
import dev.cairn.server.schema.ToolGrammar;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Tools of a request, and whether they may or have to be called.
 *
 * @param tools that the model is told of; none where none may be called
 * @param isRequired whether there has to be a call
 * @param named the one tool that has to be called, or empty
 * @param several whether there may be more than one call
 */
record ToolChoice(
    List<JsonNode> tools, boolean isRequired, Optional<String> named, boolean several) {
  private static final int MAX_TOOLS = 128;
  private static final String CHOICES =
      "\"none\", \"auto\", \"required\" or an object that names a function";

  /**
   * Reads {@code tools}, {@code tool_choice} and {@code parallel_tool_calls}.
   *
   * @param form of the model's calls
   */
  static ToolChoice read(Fields fields, ToolForm form) {
    JsonNode choice = fields.get("tool_choice").orElse(null);
    Optional<String> named = Optional.empty();
    String mode = choice == null ? "auto" : choice.asText("");
    if (choice != null && choice.isObject()) {
      JsonNode name =
          choice.has("function") ? choice.path("function").path("name") : choice.path("name");
      if (!choice.path("type").asText().equals("function") || !name.isTextual()) {
        throw fields.wrong("tool_choice", choice, CHOICES);
      }
      named = Optional.of(name.textValue());
      mode = "required";
    } else if (choice != null && !(choice.isTextual() && mode.matches("none|auto|required"))) {
      throw fields.wrong("tool_choice", choice, CHOICES);
    }
    boolean several = fields.bool("parallel_tool_calls", true) && named.isEmpty();
    List<JsonNode> tools = tools(fields);
    for (String name : named.stream().toList()) {
      if (tools.stream().noneMatch(tool -> name(tool).equals(name))) {
        throw ApiError.invalid(
            "tool_choice",
            "tool_choice names \""
                + (name.length() > 64 ? name.substring(0, 64) : name)
                + "\", which is none of the tools; expected one of them.");
      }
    }
    if (mode.equals("required") && tools.isEmpty()) {
      throw ApiError.invalid(
          "tool_choice", "tool_choice wants a call and there are no tools; expected some.");
    }
    if (mode.equals("none") || tools.isEmpty()) {
      return new ToolChoice(List.of(), false, Optional.empty(), several);
    }
    if (form == ToolForm.NONE) {
      throw ApiError.invalid(
          "tools",
          "tools are not supported, because the chat template of the model here says nothing of"
              + " them; expected a request without them.");
    }
    return new ToolChoice(tools, mode.equals("required"), named, several);
  }

  private static List<JsonNode> tools(Fields fields) {
    JsonNode node = fields.get("tools").orElse(null);
    if (node == null || node.isEmpty()) {
      return List.of();
    }
    if (!node.isArray() || node.size() > MAX_TOOLS) {
      throw fields.wrong("tools", node, "an array of up to " + MAX_TOOLS + " tools");
    }
    List<JsonNode> tools = new ArrayList<>();
    for (JsonNode each : node) {
      if (!"function".equals(each.path("type").asText())
          || !each.path("function").path("name").isTextual()) {
        throw ApiError.invalid(
            "tools",
            "tools["
                + tools.size()
                + "] is "
                + Fields.describe(each)
                + "; expected an object with type \"function\" and a function with a name.");
      }
      tools.add(each);
    }
    return tools;
  }

  private static String name(JsonNode tool) {
    return tool.path("function").path("name").asText();
  }

  private static boolean isStrict(JsonNode tool) {
    return tool.path("function").path("strict").asBoolean(false);
  }

  /**
   * The grammar of the whole output; empty: any text.
   *
   * @param answer of an answer without a call
   */
  Optional<String> grammar(ToolForm form, Optional<String> answer) {
    boolean strict = tools.stream().anyMatch(ToolChoice::isStrict);
    if (tools.isEmpty() || !(isRequired || strict || answer.isPresent())) {
      return answer;
    }
    List<ToolGrammar.Tool> callable = new ArrayList<>();
    for (JsonNode tool : tools) {
      if (named.isEmpty() || named.get().equals(name(tool))) {
        Optional<JsonNode> schema =
            Optional.ofNullable(tool.path("function").get("parameters"))
                .filter(parameters -> isStrict(tool));
        callable.add(new ToolGrammar.Tool(name(tool), schema));
      }
    }
    try {
      return Optional.of(ToolGrammar.of(form, callable, several, isRequired, answer));
    } catch (SchemaException e) {
      throw ApiError.invalid("tools", e.getMessage());
    }
  }
}
