"""What each named misconception says to the learner."""

MISCONCEPTIONS = {
    "accuracy-without-number": (
        "An accuracy without the number of images says little: 0.9 can be 9 of 10 or 900 of 1000."
    ),
    "argument-changed": (
        "The function writes into the array it was given, so whoever uses that array again finds "
        "it changed. Work on a copy."
    ),
    "augmentation-unused": (
        "The augmentation is made and thrown away: what it returns must be used."
    ),
    "backbone-not-frozen": "Weights of the backbone move in training: it is not frozen.",
    "backbone-still-frozen": (
        "Nothing but the new classifier learns: the part of the backbone that should be "
        "fine-tuned does not move in training."
    ),
    "batch-norm-training": (
        "Batch normalisation runs in training mode: it uses the averages of the batch at hand and "
        "overwrites what it knows from the pretraining."
    ),
    "best-by-luck": (
        "This is the block with the highest accuracy. An earlier one cannot be told apart from "
        "it: the difference may be chance."
    ),
    "best-seed-taken": (
        "This is what the luckiest seed gives. The next run will not be that lucky: the mean over "
        "the seeds counts."
    ),
    "biases-forgotten": "The biases are missing: a layer has one for each of its units.",
    "chosen-on-validation": (
        "The choice was made on the pictures that should judge it: the best of many looks good "
        "there by luck. Choose on the training pictures."
    ),
    "columns-chosen-outside": (
        "The columns were chosen before the folds, with the labels of the test pictures: what "
        "happens to fit them was kept. Put the choice into the pipeline."
    ),
    "costs-swapped": (
        "The two numbers stand in the wrong order: first the parameters, then the multiply-adds."
    ),
    "covers-pile-up": (
        "The covered squares pile up: what was covered before stays covered. Begin each time "
        "with a fresh copy of the picture."
    ),
    "depthwise-mixes": (
        "The first step adds up over the channels. Depthwise means: each channel stays on its own."
    ),
    "distance-not-relative": (
        "This is the distance alone. Large weights move far and still stay what they are: divide "
        "by the length that the weights had."
    ),
    "copies-on-both-sides": (
        "Copies of the test pictures were in the training: they are known by heart. Split first, "
        "and augment the training pictures afterwards."
    ),
    "evaluated-on-training": (
        "This is the accuracy on the training images, which the network has seen. It says nothing "
        "about new ones."
    ),
    "evaluated-on-validation": (
        "This is the accuracy on the validation images. They took part in choosing the network, "
        "so they flatter it."
    ),
    "everything-frozen": "The new classifier does not learn: it is frozen too.",
    "flatten-for-pooling": (
        "The head flattens the feature maps. Average pooling was asked for, which keeps one "
        "number per channel."
    ),
    "frozen-part-counted": "These are the weights that stay frozen, not the trainable ones.",
    "gradients-not-averaged": (
        "The gradient of each place is used. Grad-CAM averages it over the map first, so that "
        "each channel has one weight."
    ),
    "gradients-scaled": (
        "All layers take steps of the same length. Adam divides each gradient by its usual size, "
        "so it is the step that must be scaled, not the gradient."
    ),
    "hard-answers": (
        "Only the class that the teacher finds most probable is used. What it finds of the "
        "others is what distillation adds."
    ),
    "gradient-not-reversed": (
        "The gradient of the domains is not reversed: it must be subtracted, not added."
    ),
    "head-rate-for-backbone": (
        "The learning rate is that of a new classifier. Its large steps wipe out what the "
        "backbone knows."
    ),
    "heads-swapped": "The two numbers stand in the wrong order.",
    "integers-overflow": (
        "Whole numbers of 8 bits go from 0 to 255: 16 times 255 does not fit, nor does 3 minus 5, "
        "and they go on from the other end. Make them float32 before you compute."
    ),
    "intervals-for-differences": (
        "This block is worse than the best by more than chance. That two intervals overlap does "
        "not make them equal: take the differences, picture by picture."
    ),
    "judged-where-chosen": (
        "This was measured on the pictures that the choice was made on, so it flatters it. The "
        "validation pictures should judge."
    ),
    "label-not-changed": (
        "The change of the picture changes what it shows, so its label must change as well."
    ),
    "last-layers-frozen": (
        "The late layers are frozen and the early ones train. It is the early layers that are "
        "general and worth keeping."
    ),
    "least-probable-first": "The order is upside down: argsort puts the smallest first.",
    "means-only": (
        "Only the means are compared. Two sets with the same mean can spread differently: the term "
        "with the covariances is missing."
    ),
    "normal-interval": (
        "This is the interval of the normal approximation, which is too narrow near 0 and 1 and "
        "can reach beyond them. Wilson's was asked for."
    ),
    "not-sorted": "These are not the most probable classes, the most probable first.",
    "not-sorted-by-confidence": (
        "These are errors, but not those of which the classifier is surest."
    ),
    "numbers-for-labels": "These are the numbers of the classes. Their names stand in the labels.",
    "mean-for-every-number": (
        "The differences are averaged. A large one in a few places vanishes in the mean: every "
        "single one must be small."
    ),
    "numbers-of-the-training": (
        "These are the places in the training pictures. Those of the test pictures were asked for."
    ),
    "off-by-one": (
        "The wrong number of convolutions is frozen. The list model.layers begins with the input "
        "layer and also holds layers without weights, so counting in it is off."
    ),
    "one-block-off": "The count is that of freezing up to a neighbouring block.",
    "one-hot-for-sparse-loss": (
        "One-hot labels met sparse_categorical_crossentropy, which takes class numbers. One-hot "
        "labels need categorical_crossentropy."
    ),
    "one-temperature": (
        "The temperature must divide the logits of both, of the teacher and of the student."
    ),
    "other-preprocessing": (
        "The pictures do not reach the network as those of its training did: all pictures "
        "need the preprocessing of the training."
    ),
    "numbers-for-one-hot-loss": (
        "Class numbers met a loss that takes one-hot labels, such as categorical_crossentropy. "
        "Either make them one-hot (keras.utils.to_categorical) or use "
        "sparse_categorical_crossentropy."
    ),
    "pairs-torn-apart": (
        "The two networks answered the same pictures. Draw pictures, with both answers to each, "
        "instead of drawing for each network anew: chance hits both alike."
    ),
    "only-the-mean": (
        "Only the mean was moved. The target is also spread more or less widely: stretch, then "
        "move."
    ),
    "persons-on-both-sides": (
        "Pictures of one person are in training and test: their looks give the answer away. "
        "Divide the persons, not the pictures."
    ),
    "places-forgotten": (
        "A convolution uses each number of its kernel at every place of its output, not once."
    ),
    "places-of-the-input": (
        "The places are those of the output. With a stride of 2 there are a quarter as many."
    ),
    "rates-upside-down": (
        "The early layers get the large rate. They are the most general, and should move least."
    ),
    "rate-too-high": (
        "The learning rate is too high: the weights move by as much as they are large, and what "
        "they knew is gone."
    ),
    "relu-after-average": (
        "The ReLU comes after the average, when positive and negative values have cancelled "
        "already. First the ReLU, then the average."
    ),
    "relu-missing": "The ReLU is missing: negative values must become zero.",
    "relu-per-channel": (
        "The ReLU comes before the sum, so what speaks against the class is lost. First add up "
        "the maps, then keep what is positive."
    ),
    "root-forgotten": "This is the square of the distance: the root is missing.",
    "root-of-each-number": (
        "np.sqrt takes the root of each number in the matrix. The root of a matrix is the matrix "
        "which, times itself, gives it: scipy.linalg.sqrtm."
    ),
    "same-pixels-other-places": (
        "Pictures with the same pixels in other places are counted too. A sum, a mean or a sorted "
        "list does not tell them apart: compare the pixels in their order."
    ),
    "scaled-to-one": (
        "The values go from 0 to 1. The preprocessing of a backbone expects 0 to 255: to it, these "
        "pictures are nearly black."
    ),
    "share-of-weights-frozen": (
        "This is a share of the weights. A share of the layers was asked for: late layers are "
        "wide, so that the two are far apart."
    ),
    "skip-after-activation": (
        "The last ReLU belongs after the addition. Before it, the block can only ever add, "
        "never take away."
    ),
    "skip-forgotten": "The skip connection is missing: add the input of the block to its output.",
    "softmax-and-loss": (
        "The output and the loss do not fit. A softmax gives probabilities: from_logits stays "
        "False. Without a softmax the outputs are logits: from_logits=True."
    ),
    "step-too-early": (
        "The step of a layer counts already for the layer itself. It spreads the values that "
        "come out, so it counts for the layers that follow."
    ),
    "strides-forgotten": (
        "Each kernel is counted as if it met pixels. Behind a step of 2, the values it meets "
        "lie two pixels apart."
    ),
    "teacher-and-student-swapped": (
        "Teacher and student are swapped: the teacher gives the target, and the logarithm is "
        "of the student."
    ),
    "temperature-not-made-up-for": (
        "A temperature T makes the gradients about T² times smaller. Multiply the loss by T²."
    ),
    "target-for-source": (
        "The target was changed to be like the source. The classifier is to work on the target as "
        "it is, so it is the source that moves."
    ),
    "tensors-counted": (
        "These are the arrays of weights, not the numbers in them: add up the sizes."
    ),
    "test-in-preparation": (
        "The test pictures take part in the preparation: mean and deviation must come from the "
        "training pictures alone."
    ),
    "trainable-after-compile": (
        "Layers that say trainable=False move in training. Keras reads trainable when a model is "
        "compiled, and this one had been compiled and trained before: compile it again."
    ),
    "trained-on-tested": (
        "The pictures that are tested were in the training: they are known by heart."
    ),
    "values-not-scaled": (
        "The values are left as they were. A backbone expects 0 to 255: to it, these pictures are "
        "nearly black."
    ),
    "whole-model-counted": "These are the weights of the whole network, not of its last layer.",
    "winner-overwritten": "The winner was overwritten by the loser: the worse path should go.",
}
"""What learners often take for true, by a name that stays; one sentence or two on each."""
