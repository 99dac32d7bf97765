"""What each named misconception says to the learner."""

MISCONCEPTIONS = {
    "accuracy-without-number": (
        "An accuracy without the number of images says little: 0.9 can be 9 of 10 or 900 of 1000."
    ),
    "argument-changed": (
        "The function writes into the array it was given, so the caller's array changes too. Work "
        "on a copy."
    ),
    "augmentation-unused": (
        "The augmented images are computed and thrown away: use what the augmentation returns."
    ),
    "backbone-not-frozen": "Weights of the backbone move in training: it is not frozen.",
    "backbone-still-frozen": (
        "Nothing but the new classifier learns: the part of the backbone that should be "
        "fine-tuned does not move in training."
    ),
    "batch-norm-training": (
        "Batch normalisation runs in training mode: it uses the averages of the batch at hand and "
        "overwrites the averages of the pretraining."
    ),
    "best-by-luck": (
        "This is the block with the highest accuracy. An earlier one is not clearly worse: the "
        "difference may be chance."
    ),
    "best-seed-taken": (
        "This is the result of the luckiest seed. The next run will not be that lucky: the mean "
        "over the seeds counts."
    ),
    "biases-forgotten": "The biases are missing: a layer has one for each of its units.",
    "chosen-on-validation": (
        "The choice was made on the images that should evaluate it, where the best of many looks "
        "good by luck. Choose on the training images."
    ),
    "columns-chosen-outside": (
        "The columns were chosen before splitting into folds, with the labels of the test images, "
        "so columns that fit these by chance were kept. Put the choice into the pipeline."
    ),
    "costs-swapped": (
        "The two numbers are in the wrong order: first the parameters, then the multiply-adds."
    ),
    "covers-pile-up": (
        "The covered squares pile up: earlier ones stay covered. Start from a fresh copy of the "
        "image each time."
    ),
    "depthwise-mixes": (
        "The first step sums over the channels. Depthwise means that each channel stays separate."
    ),
    "distance-not-relative": (
        "This is the distance alone. Large weights can move far and hardly change: divide by the "
        "length that the weights had before."
    ),
    "copies-on-both-sides": (
        "Copies of the test images were used in training, so the network has memorised them. "
        "Split first, then augment the training images."
    ),
    "evaluated-on-training": (
        "This is the accuracy on the training images, which the network has seen. It says nothing "
        "about new ones."
    ),
    "evaluated-on-validation": (
        "This is the accuracy on the validation images. They took part in choosing the network, "
        "so the accuracy is too high."
    ),
    "everything-frozen": "The new classifier does not learn: it is frozen too.",
    "flatten-for-pooling": (
        "The head flattens the feature maps. Average pooling was asked for, which keeps one "
        "number per channel."
    ),
    "frozen-part-counted": "These are the weights that stay frozen, not the trainable ones.",
    "gradients-not-averaged": (
        "The gradient at each position is used. Grad-CAM first averages it over the map, so that "
        "each channel has one weight."
    ),
    "gradients-scaled": (
        "All layers take steps of the same length. Adam divides each gradient by its usual size, "
        "so scale the step, not the gradient."
    ),
    "hard-answers": (
        "Only the teacher's most probable class is used. Its probabilities of the other classes "
        "are what distillation adds."
    ),
    "gradient-not-reversed": (
        "The gradient of the domains is not reversed: it must be subtracted, not added."
    ),
    "head-rate-for-backbone": (
        "The learning rate is that of a new classifier. Its large steps wipe out what the "
        "backbone knows."
    ),
    "heads-swapped": "The two numbers are in the wrong order.",
    "integers-overflow": (
        "Unsigned 8-bit integers go from 0 to 255. Results outside, such as 16 * 255 or 3 - 5, "
        "wrap around. Convert to float32 before you compute."
    ),
    "intervals-for-differences": (
        "This block is worse than the best by more than chance. Neither overlapping intervals nor "
        "a small difference make two blocks equal: take the differences, image by image."
    ),
    "judged-where-chosen": (
        "This was measured on the images used for the choice, so it is too optimistic. Evaluate "
        "on the validation images."
    ),
    "label-not-changed": (
        "The augmentation changes what the image shows, so the label must change as well."
    ),
    "last-layers-frozen": (
        "The late layers are frozen and the early ones train. It is the early layers that are "
        "general and worth keeping."
    ),
    "least-probable-first": "The order is reversed: argsort puts the smallest first.",
    "means-only": (
        "Only the means are compared. Two sets with the same mean can spread differently: the term "
        "with the covariances is missing."
    ),
    "normal-interval": (
        "This is the interval of the normal approximation, which is too narrow near 0 and 1 and "
        "can reach beyond them. Wilson's was asked for."
    ),
    "not-sorted": "These are not the most probable classes, the most probable first.",
    "not-sorted-by-confidence": ("These are errors, but not the most confident ones."),
    "numbers-for-labels": "These are class indices. The names are in `labels`.",
    "loss-of-another-form": (
        "The loss cannot compare these labels with these outputs. Integer labels and one "
        "probability for each class need sparse_categorical_crossentropy."
    ),
    "mean-for-every-number": (
        "The differences are averaged, which hides a large one at a few pixels: every single one "
        "must be small."
    ),
    "numbers-of-the-training": (
        "These are indices of training images; return those of the test images."
    ),
    "off-by-one": (
        "The wrong number of convolutions is frozen. The list model.layers begins with the input "
        "layer and also holds layers without weights, so its indices do not count convolutions."
    ),
    "one-block-off": "This is the count for freezing up to a neighbouring block.",
    "one-hot-for-sparse-loss": (
        "sparse_categorical_crossentropy takes integer labels, but these are one-hot. One-hot "
        "labels need categorical_crossentropy."
    ),
    "one-temperature": ("The temperature must divide the logits of both teacher and student."),
    "other-preprocessing": (
        "The images are not preprocessed as in training: all images need the preprocessing that "
        "the network was trained with."
    ),
    "numbers-for-one-hot-loss": (
        "The loss takes one-hot labels, as categorical_crossentropy does, but these are integers. "
        "Either make them one-hot (keras.utils.to_categorical) or use "
        "sparse_categorical_crossentropy."
    ),
    "pairs-torn-apart": (
        "Both networks classified the same images. Resample images together with both answers, "
        "instead of resampling for each network: an easy sample is easy for both."
    ),
    "only-the-mean": (
        "Only the mean was adjusted. The target also has another standard deviation: scale, then "
        "shift."
    ),
    "persons-on-both-sides": (
        "Images of the same person are in training and test, so recognising the person is enough. "
        "Split by person, not by image."
    ),
    "places-forgotten": (
        "A convolution uses each weight of its kernel at every position of its output, not once."
    ),
    "places-of-the-input": (
        "Count the positions of the output. With a stride of 2 there are a quarter as many."
    ),
    "rates-upside-down": (
        "The early layers get the largest rate. They are the most general and should move least."
    ),
    "rate-too-high": (
        "The learning rate is too high: the weights move by as much as their own size, and what "
        "they had learned is lost."
    ),
    "relu-after-average": (
        "The ReLU comes after the average, when positive and negative values have already "
        "cancelled out. First the ReLU, then the average."
    ),
    "relu-missing": "The ReLU is missing: negative values must become zero.",
    "relu-per-channel": (
        "The ReLU comes before the sum, so evidence against the class is lost. First add up the "
        "maps, then keep the positive part."
    ),
    "root-forgotten": "This is the squared distance: the square root is missing.",
    "root-of-each-number": (
        "np.sqrt takes the root of each entry. The square root of a matrix is the matrix whose "
        "product with itself gives it: scipy.linalg.sqrtm."
    ),
    "same-pixels-other-places": (
        "Images with the same pixels in other positions are counted too. A sum, a mean or a sorted "
        "list cannot distinguish them: compare the pixels in order."
    ),
    "scaled-to-one": (
        "The values go from 0 to 1. A backbone's preprocessing expects 0 to 255, so these images "
        "look nearly black to it."
    ),
    "share-of-weights-frozen": (
        "This is a fraction of the weights; use a fraction of the layers. Late layers are wide, so "
        "the two differ a lot."
    ),
    "skip-after-activation": (
        "The last ReLU belongs after the addition. Before it, the block can only increase values, "
        "never decrease them."
    ),
    "skip-forgotten": "The skip connection is missing: add the input of the block to its output.",
    "softmax-and-loss": (
        "The output and the loss do not match. A softmax gives probabilities: from_logits stays "
        "False. Without a softmax the outputs are logits: from_logits=True."
    ),
    "step-too-early": (
        "The stride of a layer is applied to the layer itself. It spaces out its outputs, so it "
        "applies to the layers that follow."
    ),
    "strides-forgotten": (
        "Each kernel is treated as if it covered pixels. After a stride of 2, neighbouring values "
        "are two pixels apart."
    ),
    "teacher-and-student-swapped": (
        "Teacher and student are swapped: the teacher provides the target, and the logarithm is "
        "taken of the student's probabilities."
    ),
    "temperature-not-made-up-for": (
        "A temperature T makes the gradients about T² times smaller. Multiply the loss by T²."
    ),
    "target-for-source": (
        "The target was made similar to the source. The classifier will see the target as it is, "
        "so transform the source instead."
    ),
    "tensors-counted": (
        "These are the arrays of weights, not the weights in them: add up their sizes."
    ),
    "test-in-preparation": (
        "The test images take part in the preprocessing: mean and standard deviation must come "
        "from the training images alone."
    ),
    "trainable-after-compile": (
        "Layers that say trainable=False move in training. Keras reads trainable when a model is "
        "compiled, and this one had been compiled and trained before: compile it again."
    ),
    "trained-on-tested": (
        "The test images were used in training, so the classifier has memorised them."
    ),
    "values-not-scaled": (
        "The values are left as they were. A backbone expects 0 to 255, so these images look "
        "nearly black to it."
    ),
    "whole-model-counted": "These are the weights of the whole network, not of its last layer.",
    "winner-overwritten": "The winner was overwritten by the loser: replace the worse path.",
}
"""Explanations of common mistakes, by stable names."""
