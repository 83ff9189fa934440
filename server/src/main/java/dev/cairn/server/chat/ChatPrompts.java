package dev.cairn.server.chat;

import dev.cairn.model.Tokenizer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Makes prompts of chats for one model: by its own template, or where it has none by the one that
 * its vocabulary speaks for, or else as a transcript. Safe for any number of threads.
 */
public final class ChatPrompts {
  private static final String CHATML =
      "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n"
          + "' + message['content'] + '<|im_end|>\\n"
          + "' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n"
          + "' }}{% endif %}";
  private static final String LLAMA3 =
      "{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] +"
          + " '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}{% endfor %}{%"
          + " if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n'"
          + " }}{% endif %}";
  private static final String TRANSCRIPT =
      "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'] |"
          + " capitalize + ': ' }}{% endif %}{{ message['content'] | trim + '\\n' }}{% endfor %}{%"
          + " if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}";

  private final Tokenizer tokenizer;
  private final String source;
  private final boolean transcript;
  private final ChatTemplate.Limits limits;
  private volatile ChatTemplate template;

  /**
   * @param template the model's own, or empty
   */
  public ChatPrompts(Optional<String> template, Tokenizer tokenizer, ChatTemplate.Limits limits) {
    this.tokenizer = tokenizer;
    this.limits = limits;
    boolean chatMl = isToken("<|im_start|>") && isToken("<|im_end|>");
    boolean llama3 = isToken("<|start_header_id|>") && isToken("<|eot_id|>");
    this.transcript = template.isEmpty() && !chatMl && !llama3;
    this.source = template.orElse(chatMl ? CHATML : llama3 ? LLAMA3 : TRANSCRIPT);
  }

  private boolean isToken(String text) {
    int[] tokens = tokenizer.encode(text, false, true);
    return tokens.length == 1 && tokenizer.isControl(tokens[0]);
  }

  /** How the model writes tool calls; NONE where its template says nothing of tools. */
  public ToolForm tools() {
    return ToolForm.of(source);
  }

  /** What ends an answer beside the model's own tokens: a transcript's next line of the user. */
  public List<String> stops() {
    return transcript ? List.of("\nUser:") : List.of();
  }

  /**
   * The prompt of a chat.
   *
   * @param messages each with its role and content
   * @param tools descriptions, perhaps none
   * @param more further values that the template knows, over which the first two and what
   *     transformers defines take precedence
   * @throws ChatTemplateException where the template refuses them
   */
  public int[] tokens(List<?> messages, List<?> tools, Map<String, ?> more) {
    Map<String, Object> values = new HashMap<>(more);
    values.put("messages", messages);
    if (!tools.isEmpty()) {
      values.put("tools", tools);
    }
    values.put("add_generation_prompt", true);
    String begin = piece(tokenizer.beginOfSequence());
    values.put("bos_token", begin);
    values.put("eos_token", piece(tokenizer.endOfSequence()));
    String prompt = template().render(values);
    boolean begins = !begin.isEmpty() && prompt.startsWith(begin);
    return tokenizer.encode(prompt, !begins, true);
  }

  private String piece(OptionalInt token) {
    return token.isPresent() ? tokenizer.piece(token.getAsInt()) : "";
  }

  /** Made when it is first asked for: to load Jinjava takes a second. */
  private ChatTemplate template() {
    ChatTemplate made = template;
    if (made == null) {
      synchronized (this) {
        made = template == null ? new ChatTemplate(source, limits) : template;
        template = made;
      }
    }
    return made;
  }
}
