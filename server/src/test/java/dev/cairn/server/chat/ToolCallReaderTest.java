package dev.cairn.server.chat;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.server.chat.ToolCallReader.Call;
import dev.cairn.server.chat.ToolCallReader.Part;
import dev.cairn.server.chat.ToolCallReader.Text;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ToolCallReaderTest {
  private static final String CALL =
      "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>";
  private static final Call F = new Call("f", "{\"a\":1}");

  @Test
  @DisplayName("calls in the form of Hermes and Qwen, with text before and several in a row")
  void hermes() {
    assertThat(read(ToolForm.HERMES, CALL)).containsExactly(F);
    assertThat(read(ToolForm.HERMES, "Let me see.\n" + CALL + "\n" + CALL))
        .containsExactly(new Text("Let me see."), F, F);
    assertThat(read(ToolForm.HERMES, CALL + "\n")).containsExactly(F);
    assertThat(read(ToolForm.HERMES, "a < b <tool> c")).containsExactly(new Text("a < b <tool> c"));
    assertThat(read(ToolForm.HERMES, "<tool_call>{\"name\": \"f\"}"))
        .as("the end of the output closes a call")
        .containsExactly(new Call("f", "{}"));
  }

  @Test
  @DisplayName("calls in the form of Llama 3: the whole output, or it is text")
  void llama3() {
    String call = "{\"name\": \"f\", \"parameters\": {\"a\": 1}}";
    assertThat(read(ToolForm.LLAMA3, call)).containsExactly(F);
    assertThat(read(ToolForm.LLAMA3, "\n" + call + "; " + call)).containsExactly(F, F);
    assertThat(read(ToolForm.LLAMA3, "{\"a\": 1}")).containsExactly(new Text("{\"a\": 1}"));
    assertThat(read(ToolForm.LLAMA3, "See " + call)).containsExactly(new Text("See " + call));
  }

  @ParameterizedTest(name = "[{index}]")
  @DisplayName("what is no call is text, every character of it")
  @ValueSource(
      strings = {
        "<tool_call>{\"name\": 5}</tool_call>",
        "<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call> and on",
        "<tool_call>nonsense",
        "x <tool_call></tool_call> y",
        "  ",
        "<tool_cal",
      })
  void noCalls(String text) {
    assertThat(joined(read(ToolForm.HERMES, text))).isEqualTo(text);
  }

  @ParameterizedTest
  @DisplayName("the parts do not depend on the pieces that the text comes in")
  @EnumSource(ToolForm.class)
  void pieces(ToolForm form) {
    for (String text :
        List.of("Let me  see.\n" + CALL + "\n" + CALL + " ok", "{\"name\": \"f\"}", "a <b", CALL)) {
      List<Part> whole = merged(read(form, text));
      for (int size = 1; size < text.length(); size++) {
        ToolCallReader reader = new ToolCallReader(form);
        List<Part> parts = new ArrayList<>();
        for (int at = 0; at < text.length(); at += size) {
          parts.addAll(reader.take(text.substring(at, Math.min(text.length(), at + size))));
        }
        parts.addAll(reader.finish());
        assertThat(merged(parts)).as(text + " by " + size).isEqualTo(whole);
      }
    }
  }

  private static List<Part> read(ToolForm form, String text) {
    ToolCallReader reader = new ToolCallReader(form);
    List<Part> parts = new ArrayList<>(reader.take(text));
    parts.addAll(reader.finish());
    return merged(parts);
  }

  private static List<Part> merged(List<Part> parts) {
    List<Part> merged = new ArrayList<>();
    for (Part part : parts) {
      int last = merged.size() - 1;
      if (part instanceof Text text && last >= 0 && merged.get(last) instanceof Text before) {
        merged.set(last, new Text(before.text() + text.text()));
      } else {
        merged.add(part);
      }
    }
    return merged;
  }

  private static String joined(List<Part> parts) {
    StringBuilder out = new StringBuilder();
    parts.forEach(part -> out.append(((Text) part).text()));
    return out.toString();
  }
}
