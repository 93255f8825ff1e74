{# As Brian2CUDA's, but a later run goes on where the one before it ended. #}
{# USES_VARIABLES { N, rate, t, _spikespace, _clock_t, _clock_dt,
                    _num_source_neurons, _source_start, _source_stop } #}
{# WRITES_TO_READ_ONLY_VARIABLES { N } #}
{% extends 'brian2cuda/ratemonitor.cu' %}

{% block host_maincode %}
    int current_iteration = {{owner.clock.name}}.timestep[0];
    // of this run: the number of the time step whose rate comes first
    static int start_offset = current_iteration - int(dev{{_dynamic_t}}.size());
{% endblock %}

{% block prepare_kernel_inner %}
    const int steps = {{owner.clock.name}}.i_end - start_offset;
    THRUST_CHECK_ERROR(dev{{_dynamic_t}}.resize(steps));
    THRUST_CHECK_ERROR(dev{{_dynamic_rate}}.resize(steps));
    _array_{{owner.name}}_N[0] = steps;
    CUDA_SAFE_CALL(cudaMemcpy(dev_array_{{owner.name}}_N, _array_{{owner.name}}_N, sizeof(int32_t), cudaMemcpyHostToDevice));
    num_threads = num_blocks = 1;
{% endblock %}
