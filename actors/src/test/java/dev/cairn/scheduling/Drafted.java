package dev.cairn.scheduling;

import dev.cairn.persistence.LookUp;
import java.util.Random;

/** Admissions whose output can be guessed, for tests: few words in prompt and output. */
final class Drafted {
  private Drafted() {}

  static Admission of(Requested requested, Random random) {
    Admission admission = requested.admission();
    int[] prompt = random.ints(admission.tokens().length, 0, SimulatedDevice.WORDS + 1).toArray();
    int logprobs = random.nextInt(3) - 1;
    return of(admission, prompt, -1 - random.nextInt(1000), true, logprobs, LookUp.ON);
  }

  static Admission of(
      Admission admission,
      int[] prompt,
      long seed,
      boolean ignoreEos,
      int logprobs,
      LookUp lookUp) {
    return new Admission(
        admission.requestId(),
        admission.epoch(),
        admission.standing(),
        admission.submittedAtMillis(),
        prompt,
        prompt.length,
        admission.maxTokens(),
        admission.sampling(),
        seed,
        ignoreEos,
        logprobs,
        admission.promptLogprobs(),
        admission.salt(),
        lookUp);
  }
}
