<?php
// Draws with a generator of PHP: php php.php GENERATOR FOLDER, a job a line on stdin, what was drawn on stdout.
error_reporting(E_ERROR);

$generators = [
    "gregwar-captcha" => function ($job) {
        require_once "Gregwar/Captcha/autoload.php";
        $builder = new Gregwar\Captcha\CaptchaBuilder($job->text);
        $builder->setDistortion($job->distortion)->setMaxAngle($job->angle)->setMaxOffset($job->offset);
        $builder->setMaxBehindLines($job->behind)->setMaxFrontLines($job->front);
        if ($job->background) {
            $builder->setBackgroundColor(...$job->background);
        }
        $builder->build($job->width, $job->height, $job->face);
        imagepng($builder->getGd(), $job->file);
    },
    "text-captcha" => function ($job) {
        require_once "Text/CAPTCHA.php";
        $captcha = Text_CAPTCHA::factory("Image");
        $captcha->init([
            "width" => $job->width, "height" => $job->height, "phrase" => $job->text, "output" => "png",
            "imageOptions" => [
                "font_size" => $job->size, "font_path" => dirname($job->face) . "/", "font_file" => basename($job->face),
                "text_color" => $job->ink, "background_color" => $job->paper, "lines_color" => $job->lines,
                "antialias" => true,
            ],
        ]);
        file_put_contents($job->file, $captcha->getCAPTCHA());
    },
];

while (($line = fgets(STDIN)) !== false) {
    $job = json_decode($line);
    mt_srand($job->seed);
    $generators[$argv[1]]($job);
    echo $job->text, "\n";
}
