package dev.cairn.server.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Templates as the models' metadata has them, against what transformers makes of them: the outputs
 * that model cards and llama.cpp's tests of chat templates publish.
 */
class ChatTemplateTest {
  private static final ChatTemplate.Limits LIMITS = new ChatTemplate.Limits(20_000, 100_000);

  private static final List<Map<String, Object>> CHAT =
      List.of(
          message("system", "You are a helpful assistant"),
          message("user", "Hello"),
          message("assistant", "Hi there"),
          message("user", "Who are you"),
          message("assistant", "   I am an assistant   "),
          message("user", "Another question"));

  @Test
  @DisplayName("ChatML (teknium/OpenHermes-2.5-Mistral-7B)")
  void chatMl() {
    assertThat(rendered("chatml", CHAT))
        .isEqualTo(
            "<|im_start|>system\nYou are a helpful assistant<|im_end|>\n"
                + "<|im_start|>user\nHello<|im_end|>\n"
                + "<|im_start|>assistant\nHi there<|im_end|>\n"
                + "<|im_start|>user\nWho are you<|im_end|>\n"
                + "<|im_start|>assistant\n   I am an assistant   <|im_end|>\n"
                + "<|im_start|>user\nAnother question<|im_end|>\n"
                + "<|im_start|>assistant\n");
  }

  @Test
  @DisplayName("Llama 2 (meta-llama/Llama-2-7b-chat-hf)")
  void llama2() {
    assertThat(rendered("llama2", CHAT))
        .isEqualTo(
            "<s>[INST] <<SYS>>\nYou are a helpful assistant\n<</SYS>>\n\nHello [/INST] Hi there </s>"
                + "<s>[INST] Who are you [/INST] I am an assistant </s>"
                + "<s>[INST] Another question [/INST]");
  }

  @Test
  @DisplayName("Llama 3 (meta-llama/Meta-Llama-3-8B-Instruct)")
  void llama3() {
    assertThat(rendered("llama3", CHAT, Map.of("bos_token", "<|begin_of_text|>")))
        .isEqualTo(
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
                + "You are a helpful assistant<|eot_id|>"
                + "<|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|>"
                + "<|start_header_id|>assistant<|end_header_id|>\n\nHi there<|eot_id|>"
                + "<|start_header_id|>user<|end_header_id|>\n\nWho are you<|eot_id|>"
                + "<|start_header_id|>assistant<|end_header_id|>\n\nI am an assistant<|eot_id|>"
                + "<|start_header_id|>user<|end_header_id|>\n\nAnother question<|eot_id|>"
                + "<|start_header_id|>assistant<|end_header_id|>\n\n");
  }

  @Test
  @DisplayName("Mistral (mistralai/Mistral-7B-Instruct-v0.2), which knows no system message")
  void mistral() {
    assertThat(rendered("mistral", CHAT.subList(1, 6)))
        .isEqualTo(
            "<s>[INST] Hello [/INST]Hi there</s>[INST] Who are you [/INST]"
                + "   I am an assistant   </s>[INST] Another question [/INST]");
    assertThatThrownBy(() -> rendered("mistral", CHAT))
        .isInstanceOf(ChatTemplateException.class)
        .hasMessage("Conversation roles must alternate user/assistant/user/assistant/...");
  }

  @Test
  @DisplayName("Qwen 2 (Qwen/Qwen2-7B-Instruct), which puts a system message of its own first")
  void qwen2() {
    assertThat(rendered("qwen2", List.of(message("user", "Hello"))))
        .isEqualTo(
            "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
                + "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n");
  }

  @Test
  @DisplayName("Qwen 3 (Qwen/Qwen3-8B), with thinking, without, and with tools")
  void qwen3() {
    List<Map<String, Object>> chat =
        List.of(
            message("user", "Hi"),
            message("assistant", "<think>\nhm\n</think>\n\nHello"),
            message("user", "Bye"));
    assertThat(rendered("qwen3", chat))
        .isEqualTo(
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n"
                + "<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n");
    assertThat(rendered("qwen3", chat, Map.of("enable_thinking", false)))
        .endsWith("<|im_start|>assistant\n<think>\n\n</think>\n\n");
    assertThat(
            rendered(
                "qwen3",
                List.of(message("user", "Hi"), message("assistant", "Hello")),
                Map.of("add_generation_prompt", false)))
        .as("as published with SkyRL's note on this template")
        .isEqualTo(
            "<|im_start|>user\nHi<|im_end|>\n"
                + "<|im_start|>assistant\n<think>\n\n</think>\n\nHello<|im_end|>\n");
    assertThat(rendered("qwen3", toolChat(), Map.of("tools", List.of(tool()))))
        .isEqualTo(
            "<|im_start|>system\n# Tools\n\nYou may call one or more functions to assist with the"
                + " user query.\n\nYou are provided with function signatures within <tools></tools>"
                + " XML tags:\n<tools>\n{\"type\": \"function\", \"function\": {\"name\": \"weather\","
                + " \"parameters\": {\"type\": \"object\", \"properties\": {}}}}\n</tools>\n\nFor each"
                + " function call, return a json object with function name and arguments within"
                + " <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>,"
                + " \"arguments\": <args-json-object>}\n</tool_call><|im_end|>\n"
                + "<|im_start|>user\nWeather?<|im_end|>\n<|im_start|>assistant\n<tool_call>\n"
                + "{\"name\": \"weather\", \"arguments\": {\"city\": \"Köln\"}}\n</tool_call><|im_end|>\n"
                + "<|im_start|>user\n<tool_response>\nsunny\n</tool_response><|im_end|>\n"
                + "<|im_start|>assistant\n");
  }

  @Test
  @DisplayName("Llama 3.2 (meta-llama/Llama-3.2-3B-Instruct), with today's date and tools")
  void llama32() {
    String today =
        LocalDate.now().format(DateTimeFormatter.ofPattern("dd MMM yyyy", Locale.ENGLISH));
    assertThat(rendered("llama32", CHAT.subList(0, 2)))
        .isIn(
            llama32("You are a helpful assistant", today, "Hello"),
            llama32(
                "You are a helpful assistant",
                LocalDate.now().format(DateTimeFormatter.ofPattern("dd MMM yyyy", Locale.ENGLISH)),
                "Hello"));
    assertThat(
            rendered(
                "llama32",
                toolChat(),
                Map.of("tools", List.of(tool()), "date_string", "26 Jul 2024")))
        .isEqualTo(
            "<s><|start_header_id|>system<|end_header_id|>\n\nEnvironment: ipython\nCutting"
                + " Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n<|eot_id|>"
                + "<|start_header_id|>user<|end_header_id|>\n\nGiven the following functions, please"
                + " respond with a JSON for a function call with its proper arguments that best"
                + " answers the given prompt.\n\nRespond in the format {\"name\": function name,"
                + " \"parameters\": dictionary of argument name and its value}.Do not use"
                + " variables.\n\n{\n    \"type\": \"function\",\n    \"function\": {\n        \"name\":"
                + " \"weather\",\n        \"parameters\": {\n            \"type\": \"object\",\n         "
                + "   \"properties\": {}\n        }\n    }\n}\n\nWeather?<|eot_id|>"
                + "<|start_header_id|>assistant<|end_header_id|>\n\n{\"name\": \"weather\","
                + " \"parameters\": {\"city\": \"Köln\"}}<|eot_id|>"
                + "<|start_header_id|>ipython<|end_header_id|>\n\n\"sunny\"<|eot_id|>"
                + "<|start_header_id|>assistant<|end_header_id|>\n\n");
  }

  private static String llama32(String system, String date, String user) {
    return "<s><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\n"
        + "Today Date: "
        + date
        + "\n\n"
        + system
        + "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
        + user
        + "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n";
  }

  @Test
  @DisplayName("Gemma (google/gemma-7b-it), which knows no system message")
  void gemma() {
    assertThat(rendered("gemma", CHAT.subList(1, 6), Map.of("bos_token", "<bos>")))
        .isEqualTo(
            "<bos><start_of_turn>user\nHello<end_of_turn>\n<start_of_turn>model\nHi there<end_of_turn>\n"
                + "<start_of_turn>user\nWho are you<end_of_turn>\n"
                + "<start_of_turn>model\nI am an assistant<end_of_turn>\n"
                + "<start_of_turn>user\nAnother question<end_of_turn>\n<start_of_turn>model\n");
    assertThatThrownBy(() -> rendered("gemma", CHAT)).hasMessage("System role not supported");
  }

  @Test
  @DisplayName("Phi 3 (microsoft/Phi-3-mini-4k-instruct)")
  void phi3() {
    assertThat(rendered("phi3", CHAT))
        .isEqualTo(
            "<|system|>\nYou are a helpful assistant<|end|>\n<|user|>\nHello<|end|>\n"
                + "<|assistant|>\nHi there<|end|>\n<|user|>\nWho are you<|end|>\n"
                + "<|assistant|>\n   I am an assistant   <|end|>\n"
                + "<|user|>\nAnother question<|end|>\n<|assistant|>\n");
  }

  @ParameterizedTest(name = "{0}")
  @DisplayName("Jinja reads as Python's does where Jinjava alone would not")
  @CsvSource(
      delimiterString = " => ",
      quoteCharacter = '`',
      value = {
        "{{ 'a' if not 2 == 1 else 'b' }} => a",
        "{{ 'a' if not x is defined else 'b' }} => a",
        "{{ 'a' if x is not defined else 'b' }} => a",
        "{{ 'a' if 1 not in [2] else 'b' }} => a",
        "{{ 'not a == b' }} => not a == b",
        "{% set n = namespace(a=messages|length - 1, b=2) %}{{ n.a }}{{ n.b }} => 52",
        "{% for m in messages[::-1] %}{{ m.role[0] }}{% endfor %} => uauaus",
        "{% for m in messages[1:3] %}{{ loop.index }}{{ m['role'] }}{% endfor %} => 1user2assistant",
        "{{ messages[-1].content }} => Another question",
        "{% for m in messages %}{% if loop.index0 == 1 %}{% break %}{% endif %}{{ m.role }}{% endfor %} => system",
        "{% for m in messages %}{% if not loop.last %}{% continue %}{% endif %}{{ m.role }}{% endfor %} => user",
        "{% macro f(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ f(1) }} => 1-2",
        "{{ 'a' ~ 1 ~ 'b' }} => a1b",
        "{{ ' x '.strip() + 'xyx'.strip('x') + 'ab'.upper() + 'ab c'.title() }} => xyABAb C",
        "{{ 'a,b'.split(',')[-1] }} => b",
        "{{ 'a' if 'ab'.startswith('a') and 'ab'.endswith('b') }} => a",
        "{% for k, v in {'x': 1, 'y': 2}.items() %}{{ k }}{{ v }}{% endfor %} => x1y2",
        "{{ {'a': none, 'b': [1, 'é\"']} | tojson }} => {\"a\": null, \"b\": [1, \"é\\\"\"]}",
        "{{ messages | selectattr('role', 'equalto', 'system') | list | length }} => 1",
        "{% generation %}x{% endgeneration %} => x",
        "{{ messages[0].missing }} => ``",
        "{# {{ raise_exception('no') }} #}a => a",
      })
  void likePython(String template, String expected) {
    assertThat(of(template).render(Map.of("messages", CHAT))).isEqualTo(expected);
  }

  @Test
  @DisplayName("blocks take the line break behind them and the space before them with them")
  void whitespace() {
    assertThat(of("a\n  {% if true %}\nb\n  {% endif %}\nc\n").render(Map.of()))
        .isEqualTo("a\nb\nc");
    assertThat(of("a  {{- 'b' -}}  c{{ '\\n' }}").render(Map.of())).isEqualTo("abc\n");
  }

  @Test
  @DisplayName("R20 the text of a message is never template code")
  void contentIsText() {
    String evil = "{{ 7 * 7 }}{% for i in range(9) %}x{% endfor %}{# c #}";
    assertThat(rendered("chatml", List.of(message("user", evil)))).contains(evil);
  }

  @ParameterizedTest(name = "{0}")
  @DisplayName("CVE-2024-34359 a template reaches no class, no file and no state outside")
  @ValueSource(
      strings = {
        "{{ ''.getClass() }}",
        "{{ ''.class }}",
        "{{ messages.getClass().forName('java.lang.Runtime') }}",
        "{{ messages.class.classLoader }}",
        "{{ ____int3rpr3t3r____ .getContext() }}",
        "{{ ____int3rpr3t3r____.config }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{% include '/etc/passwd' %}",
        "{% import 'dev/cairn/x' as x %}",
        "{% from 'x' import y %}",
        "{% extends 'x' %}",
        "{{ 'x'|render }}",
        "{{ messages|attr('class') }}",
        "{{ type(messages) }}",
        "{{ messages|map('class')|list|first }}",
        "{{ messages.append(1) }}",
        "{% do messages.clear() %}",
        "{{ raise_exception.toString() }}",
        "{{ loop.getClass() }}",
      })
  void sandboxed(String template) {
    String out;
    try {
      out = of(template).render(Map.of("messages", CHAT));
    } catch (ChatTemplateException refused) {
      return;
    }
    assertThat(out).isBlank();
  }

  @Test
  @DisplayName("a template that runs for ever is stopped, whatever it does meanwhile")
  void timeBound() {
    String thrice = "{% for a in r %}{% for b in r %}{% for c in r %}";
    String end = "{% endfor %}{% endfor %}{% endfor %}";
    for (String body : List.of("", "{% set x = a %}", "{{ '' }}")) {
      String template = "{% set r = range(9000) %}" + thrice + body + end;
      long start = System.nanoTime();
      assertThatThrownBy(
              () -> new ChatTemplate(template, new ChatTemplate.Limits(300, 1000)).render(Map.of()))
          .hasMessage("The model's chat template ran for longer than 300 ms.");
      assertThat(System.nanoTime() - start).isLessThan(60_000_000_000L);
    }
  }

  @ParameterizedTest(name = "{0}")
  @DisplayName("a template whose output would be too large is stopped")
  @ValueSource(
      strings = {
        "{% for a in range(5000) %}xxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}",
        "{% set ns = namespace(s='xxxxxxxxxx') %}{% for a in range(40) %}{% set ns.s = ns.s + ns.s"
            + " %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s='xxxxxxxxxx') %}{% for a in range(40) %}{% set ns.s = ns.s ~ ns.s"
            + " %}{% endfor %}{{ ns.s }}",
        "{{ 'x'.replace('', 'yyyyyyyyyyyyyyyyyyyyyyyyyyy' * 1000) }}",
      })
  void outputBound(String template) {
    String out;
    try {
      out = of(template).render(Map.of());
    } catch (ChatTemplateException refused) {
      return;
    }
    assertThat(out).hasSizeLessThan(200_000);
  }

  @ParameterizedTest(name = "{0}")
  @DisplayName("a template that is wrong says so")
  @ValueSource(
      strings = {"{% if %}", "{{ a b }}", "{% for x messages %}{% endfor %}", "{{ 'a'.shout() }}"})
  void faults(String template) {
    assertThatThrownBy(() -> of(template).render(Map.of("messages", CHAT)))
        .isInstanceOf(ChatTemplateException.class)
        .hasMessageStartingWith("The model's chat template ");
  }

  private static ChatTemplate of(String source) {
    return new ChatTemplate(source, LIMITS);
  }

  private static Map<String, Object> message(String role, String content) {
    return Map.of("role", role, "content", content);
  }

  private static List<Map<String, Object>> toolChat() {
    Map<String, Object> call =
        Map.of(
            "type",
            "function",
            "function",
            Map.of("name", "weather", "arguments", Map.of("city", "Köln")));
    Map<String, Object> assistant = new HashMap<>(message("assistant", ""));
    assistant.put("tool_calls", List.of(call));
    return Arrays.asList(message("user", "Weather?"), assistant, message("tool", "sunny"));
  }

  private static Map<String, Object> tool() {
    Map<String, Object> parameters = new LinkedHashMap<>();
    parameters.put("type", "object");
    parameters.put("properties", Map.of());
    Map<String, Object> function = new LinkedHashMap<>();
    function.put("name", "weather");
    function.put("parameters", parameters);
    Map<String, Object> tool = new LinkedHashMap<>();
    tool.put("type", "function");
    tool.put("function", function);
    return tool;
  }

  private static String rendered(String name, List<Map<String, Object>> messages) {
    return rendered(name, messages, Map.of());
  }

  private static String rendered(
      String name, List<Map<String, Object>> messages, Map<String, Object> more) {
    Map<String, Object> values = new HashMap<>();
    values.put("messages", messages);
    values.put("bos_token", "<s>");
    values.put("eos_token", "</s>");
    values.put("add_generation_prompt", true);
    values.putAll(more);
    return of(template(name)).render(values);
  }

  private static String template(String name) {
    try (InputStream in = ChatTemplateTest.class.getResourceAsStream("/chat/" + name + ".jinja")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
